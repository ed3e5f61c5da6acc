/**
 * SQLite in three threads: the journal's commits and the index steps behind them; reads; and everything else that
 * writes (registry, keys, retention, migrations) together with the checkpoints. Each has a connection of its own.
 */
import { chmodSync, existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { Kysely } from 'kysely'
import { Fault } from '../../domain/faults.ts'
import type { Database } from '../database.ts'
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
}

/** KiB of pages that each connection keeps. */
const CACHE_KIB = { journal: 4096, read: 2048, side: 1024 }
/** How long a connection waits for a lock that another holds, in ms. */
const BUSY_MS = 5000

const PLAIN: CommitResult = { repeated: [], conflicts: [], feedback: [] }

export async function openSqlite({
  path,
  walBytesMax,
  autocheckpointPages,
  bytesMax,
  logger,
}: SqliteOptions): Promise<Database> {
  mkdirSync(dirname(path), { recursive: true })
  const connection = { path, busyMs: BUSY_MS, bytesMax: bytesMax ?? 0, autocheckpointPages }
  const side = startThread({
    connection: { ...connection, readOnly: false, cacheKib: CACHE_KIB.side },
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
  const checkpoints = checkpointer({ path, walBytesMax, writer, side: write, logger })

  return {
    dialect: 'sqlite',
    read,
    write,
    can: sqliteCapabilities,
    async commit(batch) {
      try {
        const { result } = await writer.ask({ kind: 'commit', batch: JSON.stringify(batch) }, 'committed')
        checkpoints.committed()
        return result === null ? PLAIN : (JSON.parse(result) as CommitResult)
      } catch (error) {
        throw toFault(error)
      }
    },
    toFault,
    async facts() {
      return {
        databaseBytes: bytesOf(path),
        walBytes: bytesOf(`${path}-wal`),
        unindexedRows: await unindexedRows(read),
      }
    },
    async start() {
      // Texts that people wrote are for the owner's eyes.
      if (existsSync(path)) chmodSync(path, 0o600)
      checkpoints.start()
    },
    async close() {
      await checkpoints.close()
      await closeAll([writer, reader, side])
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
  11, // CORRUPT
  13, // FULL
  14, // CANTOPEN
  15, // PROTOCOL
  26, // NOTADB
])
const RETRY_AFTER_SECONDS = 2

export function toFault(error: unknown): unknown {
  if (!(error instanceof SqliteError)) return error
  if (error.origin === 'VersionUnknown') return new Fault('version_unknown', { cause: error })
  const unavailable = error.origin === THREAD_ENDED || (error.code !== null && UNAVAILABLE.has(error.code & 0xff))
  if (!unavailable) return error
  return new Fault('store_unavailable', { retryAfterSeconds: RETRY_AFTER_SECONDS, cause: error })
}
