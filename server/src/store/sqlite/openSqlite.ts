/**
 * SQLite in three threads: the journal's commits and the index steps behind them; reads; and everything else that
 * writes (registry, keys, retention, migrations) together with the checkpoints. Each has a connection of its own.
 */
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { Kysely, sql } from 'kysely'
import { Fault } from '../../domain/faults.ts'
import { checkTables } from '../checkTables.ts'
import type { Database } from '../database.ts'
import type { Doing } from '../failures.ts'
import type { CommitResult } from '../log/commit.ts'
import { compileStatements } from '../log/statements.ts'
import type { StoreLogger } from '../openStore.ts'
import type { Tables } from '../tables.ts'
import { sqliteCapabilities } from './capabilities.ts'
import { checkpointer } from './checkpointer.ts'
import { sqliteDialect } from './dialect.ts'
import { SqliteError, startThread, THREAD_ENDED, type Thread } from './threads.ts'

export interface SqliteOptions {
  readonly path: string
  /** The log (WAL) is folded into the database when it is larger. */
  readonly walBytesMax: number
  /** Pages after which a commit folds the log in by itself; 0 for never. */
  readonly autocheckpointPages: number
  /** Bytes that the database may have; null for what the disk has. */
  readonly bytesMax: number | null
  readonly logger: StoreLogger | undefined
  /** Takes note of a fault that no caller hears of: a checkpoint, a step of the index. */
  readonly onFault: (error: unknown, doing: Doing) => void
}

/** The file of the log keeps its blocks up to so many times the bound: a checkpoint beside a busy writer ends beyond it. */
const WAL_KEPT_TIMES = 2
/** Of a limited database, for what makes room in it. */
const RESERVED_BYTES = 2 ** 20
/** KiB of pages that each connection keeps. */
const CACHE_KIB = { journal: 4096, read: 2048, side: 1024 }
/** How long a connection waits for a lock that another holds, in ms. */
const BUSY_MS = 5000

/** A commit that carries one row is waited for on the spot for so long, if the ones before it came in that time. */
const COMMIT_WAIT_MS = 0.4
/** After one that took longer, so many commits are not waited for. */
const COMMITS_NOT_WAITED = 64

const PLAIN: CommitResult = { repeated: [], conflicts: [], feedback: [] }

export async function openSqlite({
  path,
  walBytesMax,
  autocheckpointPages,
  bytesMax,
  logger,
  onFault,
}: SqliteOptions): Promise<Database> {
  protect(path)
  let started = false
  // Before it has started only its owner sees the error, and needs to know which file it is about.
  const toFault = (error: unknown) => faultOf(error, started ? null : path)
  const connection = {
    path,
    busyMs: BUSY_MS,
    bytesMax: bytesMax ?? 0,
    autocheckpointPages,
    walKeptBytes: walBytesMax * WAL_KEPT_TIMES,
  }
  const side = startThread({
    // Retention makes room, and needs some for it: the index notes down what went.
    connection: {
      ...connection,
      readOnly: false,
      cacheKib: CACHE_KIB.side,
      bytesMax: bytesMax === null ? 0 : bytesMax + RESERVED_BYTES,
    },
    statements: null,
  })
  const reader = startThread({
    connection: { ...connection, readOnly: true, cacheKib: CACHE_KIB.read },
    statements: null,
  })
  const write = new Kysely<Tables>({ dialect: sqliteDialect(side) })
  const read = new Kysely<Tables>({ dialect: sqliteDialect(reader) })
  const statements = compileStatements(read, sqliteCapabilities)
  const writer = startThread({
    connection: { ...connection, readOnly: false, cacheKib: CACHE_KIB.journal },
    statements,
  })
  const waiter = commitWaiter()
  const checkpoints = checkpointer({
    walBytesMax,
    writer,
    side: write,
    logger,
    onError: (error) => onFault(toFault(error), 'a checkpoint'),
  })

  return {
    dialect: 'sqlite',
    read,
    lookups: read,
    write,
    migrations: write,
    can: sqliteCapabilities,
    commitLarge: null,
    check: (now) => checkTables(write, read, now),
    connections: () => null,
    abandon() {
      // What is under way ends by itself within milliseconds.
    },
    async commit(batch) {
      try {
        const { result } = await waiter.time(batch.predictions.id.length + batch.feedback.at.length, (waitMs) =>
          writer.ask({ kind: 'commit', batch: JSON.stringify(batch) }, 'committed', waitMs),
        )
        checkpoints.committed()
        return result === null ? PLAIN : (JSON.parse(result) as CommitResult)
      } catch (error) {
        throw toFault(error)
      }
    },
    toFault,
    async integrity() {
      try {
        return await findDamage(read)
      } catch (error) {
        const fault = toFault(error)
        if (fault instanceof Fault && fault.code === 'store_unusable') return [fault.message]
        throw fault
      }
    },
    async facts() {
      return {
        databaseBytes: bytesOf(path),
        walBytes: bytesOf(`${path}-wal`),
        unindexedRows: await unindexedRows(read),
      }
    },
    async start() {
      started = true
      checkpoints.start()
    },
    async close() {
      await checkpoints.close()
      await closeAll([writer, reader, side])
    },
  }
}

/**
 * Texts that people wrote are for the owner's eyes, from the first byte: SQLite gives the files beside a database (-wal,
 * -shm) the mode that the database has, so it is made with that mode before SQLite opens it.
 */
function protect(path: string) {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    closeSync(openSync(path, 'a', 0o600))
    for (const file of [path, `${path}-wal`, `${path}-shm`]) if (existsSync(file)) chmodSync(file, 0o600)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Fault('store_unavailable', { say: `The database ${path} cannot be opened: ${why}.`, cause: error })
  }
}

/** Most findings of a check that are told. */
const FINDINGS_MAX = 100

/** Pages, tables, indices and the full-text index (integrity_check looks into it since SQLite 3.44), then references. */
async function findDamage(read: Kysely<Tables>): Promise<readonly string[]> {
  const pages = await sql<{ integrity_check: string }>`pragma integrity_check(${sql.lit(FINDINGS_MAX)})`.execute(read)
  const references = await sql<{ table: string; rowid: number; parent: string }>`pragma foreign_key_check`.execute(read)
  return [
    ...pages.rows.map((row) => row.integrity_check).filter((said) => said !== 'ok'),
    ...references.rows
      .slice(0, FINDINGS_MAX)
      .map(({ table, rowid, parent }) => `row ${rowid} of ${table} names a row of ${parent} that does not exist`),
  ]
}

/**
 * When to wait for a commit on the spot. With one caller at a time there is nothing else to do, and the answer comes
 * without two threads waking each other's event loops; with more, the next ones are read and scored meanwhile; on a
 * slow disk the event loop must not stand still.
 */
function commitWaiter() {
  let notWaited = 0
  return {
    async time<T>(rows: number, commit: (waitMs: number) => Promise<T>): Promise<T> {
      if (rows > 1) notWaited = COMMITS_NOT_WAITED
      else if (notWaited > 0) notWaited -= 1
      else {
        const began = performance.now()
        const answer = commit(COMMIT_WAIT_MS)
        if (performance.now() - began > COMMIT_WAIT_MS) notWaited = COMMITS_NOT_WAITED
        return await answer
      }
      return await commit(0)
    },
  }
}

/** Rows of the log that the full-text index lacks, or some more: positions may have gaps. */
async function unindexedRows(read: Kysely<Tables>): Promise<number> {
  const { newest } = await read
    .selectFrom('predictions')
    .select((is) => is.fn.max('seq').as('newest'))
    .executeTakeFirstOrThrow()
  const indexed = await read.selectFrom('marks').select('value').where('name', '=', 'indexed').executeTakeFirst()
  return Math.max(0, (newest ?? 0) - (indexed?.value ?? 0))
}

async function closeAll(threads: readonly Thread[]) {
  for (const thread of threads) await thread.close()
}

function bytesOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

/** Result codes that mean: the file cannot be read or written now. https://sqlite.org/rescode.html */
const UNAVAILABLE = new Set([
  3, // PERM
  5, // BUSY
  6, // LOCKED
  8, // READONLY
  10, // IOERR
  13, // FULL
  14, // CANTOPEN
  15, // PROTOCOL
])
const [CORRUPT, NOTADB] = [11, 26]
const RETRY_AFTER_SECONDS = 2

/** @param place the file, where the fault shall name it */
function faultOf(error: unknown, place: string | null): unknown {
  if (!(error instanceof SqliteError)) return error
  if (error.origin === 'VersionUnknown') return new Fault('version_unknown', { cause: error })
  const primary = error.code === null ? null : error.code & 0xff
  if (primary === CORRUPT || primary === NOTADB) {
    const what = primary === NOTADB ? 'is not a SQLite database' : 'is damaged'
    return new Fault('store_unusable', {
      say: `The database${place === null ? '' : ` ${place}`} ${what}: ${error.message}. Restore a backup, or move it away to begin anew.`,
      cause: error,
    })
  }
  const unavailable = error.origin === THREAD_ENDED || (primary !== null && UNAVAILABLE.has(primary))
  if (!unavailable) return error
  return new Fault('store_unavailable', {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    cause: error,
    ...(place === null ? {} : { say: `The database ${place} cannot be opened or written: ${error.message}.` }),
  })
}
