/** Opens the store: picks the database by its address, brings its schema up to date, and guards every way in. */
import { join } from 'node:path'
import type { Millis } from '../domain/time.ts'
import type { Database } from './database.ts'
import { type Failures, failures } from './failures.ts'
import type { Batch } from './log/batch.ts'
import { journal, type OpenJournal } from './log/journal.ts'
import { lanes } from './log/lanes.ts'
import { log } from './log/log.ts'
import { migrate } from './migrations/migrate.ts'
import type { PostgresLimits } from './postgres/limits.ts'
import { keys } from './registry/keys.ts'
import { registry } from './registry/registry.ts'
import { trainingRuns } from './registry/trainingRuns.ts'
import { openSqlite } from './sqlite/openSqlite.ts'
import type { Store } from './store.ts'

export interface StoreOptions {
  /** `sqlite:PATH` or `postgres://…`; null for SQLite in `home`. */
  readonly url: string | null
  readonly home: string
  readonly now: () => Millis
  /** Rows that may wait for their commit. */
  readonly queueRowsMax?: number
  /** A commit takes no further call once it has this many rows. */
  readonly commitRowsMax?: number
  /** SQLite: the WAL is folded into the database when it is larger. */
  readonly walBytesMax?: number
  /** SQLite: pages after which a commit folds the WAL in by itself; 0, never, but for comparison. */
  readonly autocheckpointPages?: number
  /** SQLite: bytes that the database may have; null for what the disk has. */
  readonly bytesMax?: number | null
  /** PostgreSQL: times and connections that are not as always. */
  readonly postgres?: Partial<PostgresLimits>
  readonly logger?: StoreLogger
}

export interface StoreLogger {
  info(facts: object, message: string): void
  error(facts: object, message: string): void
  warn(facts: object, message: string): void
}

const QUEUE_ROWS_MAX = 20_000
const COMMIT_ROWS_MAX = 4_000
const QUEUE_CHARS_MAX = 64_000_000
const COMMIT_CHARS_MAX = 4_000_000
const WAL_BYTES_MAX = 8 * 2 ** 20

export async function openStore(options: StoreOptions): Promise<Store> {
  const failed = failures(options.logger)
  const database = await openDatabase(options, failed)
  try {
    await migrate(database, options.now)
    await database.start()
  } catch (error) {
    await database.close()
    throw database.toFault(error)
  }
  return assemble(database, failed, options)
}

/** The database alone, without bringing its schema up to date: for the command line. */
export async function openDatabase(options: StoreOptions, failed = failures(options.logger)): Promise<Database> {
  const { url, home, logger } = options
  if (url === null || url.startsWith('sqlite:')) {
    const path = url === null ? join(home, 'barometer.db') : url.slice('sqlite:'.length)
    return await openSqlite({
      path,
      walBytesMax: options.walBytesMax ?? WAL_BYTES_MAX,
      autocheckpointPages: options.autocheckpointPages ?? 0,
      bytesMax: options.bytesMax ?? null,
      logger,
      onFault: (error, doing) => void failed.note(error, doing),
    })
  }
  if (/^postgres(ql)?:/.test(url)) {
    // Only who has PostgreSQL loads its client.
    const { openPostgres } = await import('./postgres/openPostgres.ts')
    return openPostgres({ url, logger, limits: options.postgres ?? {} })
  }
  throw new Error('A database address starts with sqlite: or postgres:.')
}

function assemble(opened: Database, failed: Failures, options: StoreOptions): Store {
  const noted = (commit: Database['commit']) => async (batch: Batch) => {
    try {
      const result = await commit(batch)
      failed.committed()
      return result
    } catch (error) {
      throw failed.note(error, 'a commit')
    }
  }
  // Whatever the database is at fault for passes through here once, and is said to those who run the server.
  const database: Database = {
    ...opened,
    toFault: (error) => failed.note(opened.toFault(error), 'a query'),
    commit: noted((batch) => opened.commit(batch)),
    commitLarge: opened.commitLarge === null ? null : noted(opened.commitLarge),
  }
  const writeAndRead = guarded(
    oneAtATime(() => database.check(options.now())),
    database,
  )
  const writes = openJournal(database, options)
  // Keys, versions and runs are looked up by requests and every second: they are given up sooner than a search.
  const byKey: Database = { ...database, read: database.lookups }
  return {
    dialect: database.dialect,
    shared: database.dialect === 'postgres',
    journal: writes,
    log: guard(log(database), database),
    registry: guard(registry(byKey), database),
    keys: guard(keys(byKey), database),
    trainingRuns: guard(trainingRuns(byKey), database),
    async check() {
      // A mark may still find room, or a whole page, where rows do not.
      const present = failed.present()
      if (present !== null) throw present
      await writeAndRead()
      failed.committed()
    },
    integrity: guarded(() => opened.integrity(), opened),
    get failures() {
      return { counts: failed.counts, damaged: failed.damaged }
    },
    facts: guarded(
      async () => ({ ...(await database.facts()), queuedRows: writes.depth, commits: writes.commits }),
      database,
    ),
    connections: () => database.connections(),
    abandon() {
      writes.abandon()
      database.abandon()
    },
    async close() {
      await writes.drain()
      await database.close()
    },
  }
}

function openJournal(database: Database, options: StoreOptions): OpenJournal {
  const limits = {
    queueRowsMax: options.queueRowsMax ?? QUEUE_ROWS_MAX,
    commitRowsMax: options.commitRowsMax ?? COMMIT_ROWS_MAX,
    queueCharsMax: QUEUE_CHARS_MAX,
    commitCharsMax: COMMIT_CHARS_MAX,
  }
  const { commitLarge } = database
  if (commitLarge === null) return journal(database, limits)
  const half = { ...limits, queueCharsMax: QUEUE_CHARS_MAX / 2 }
  return lanes(journal(database, half), journal({ commit: commitLarge }, half))
}

/** Calls while one is under way share it. */
function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null
  return () =>
    (running ??= work().finally(() => {
      running = null
    }))
}

/** Methods that give their rows one after another, not a promise. */
const STREAMS: ReadonlySet<string> = new Set(['stream', 'files'])

/** The same methods, whose rejections are Faults where the database is at fault. */
function guard<T extends object>(methods: T, database: Database): T {
  const entries = Object.entries(methods).map(([name, method]) => [
    name,
    STREAMS.has(name) ? guardedStream(method, database) : guarded(method, database),
  ])
  return Object.fromEntries(entries) as T // the same names with the same shapes
}

function guarded<A extends unknown[], R>(
  method: (...args: A) => Promise<R>,
  database: Database,
): (...args: A) => Promise<R> {
  return async (...args) => {
    try {
      return await method(...args)
    } catch (error) {
      throw database.toFault(error)
    }
  }
}

function guardedStream<A extends unknown[], R>(method: (...args: A) => AsyncIterable<R>, database: Database) {
  return async function* (...args: A): AsyncIterable<R> {
    try {
      yield* method(...args)
    } catch (error) {
      throw database.toFault(error)
    }
  }
}
