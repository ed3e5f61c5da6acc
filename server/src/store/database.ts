/** A database that is open: two ways to ask it, what it can do, and the way in for commits. */
import type { Kysely } from 'kysely'
import type { Millis } from '../domain/time.ts'
import type { Capabilities } from './capabilities.ts'
import type { Batch } from './log/batch.ts'
import type { CommitResult } from './log/commit.ts'
import type { Tables } from './tables.ts'

export interface Database {
  readonly dialect: 'sqlite' | 'postgres'
  /** Plain reads, each with its own view of the data. */
  readonly read: Kysely<Tables>
  /** Reads of a few rows by their key, which have less time: keys, versions, runs. */
  readonly lookups: Kysely<Tables>
  /** Transactions of the registry, the keys and retention. */
  readonly write: Kysely<Tables>
  /** Transactions of migrations, which take as long as they need. */
  readonly migrations: Kysely<Tables>
  readonly can: Capabilities
  /** Commits one batch; called once at a time. Rejects with a Fault where the database is at fault. */
  commit(batch: Batch): Promise<CommitResult>
  /** A second way in, beside the first, for batches that take long; null where only one can write at a time. */
  readonly commitLarge: ((batch: Batch) => Promise<CommitResult>) | null
  /** Error of the driver → Fault('store_unavailable') where the database cannot be reached or written, else itself. */
  toFault(error: unknown): unknown
  /** What is damaged, in words; nothing where all is well. Reads everything. */
  integrity(): Promise<readonly string[]>
  /** Writes and reads back; rejects in good time where that, or a commit, would not succeed now. */
  check(now: Millis): Promise<void>
  /** Connections to a server; null for a database in this process. */
  connections(): Connections | null
  facts(): Promise<Readonly<Record<string, number | string>>>
  /** Starts what needs the tables to exist: the journal's connection, the checkpointer. */
  start(): Promise<void>
  /** Ends what is under way, with a Fault, so that `close` need not wait for it. */
  abandon(): void
  close(): Promise<void>
}

export interface Connections {
  /** All of them, and those that nobody uses now. */
  readonly open: number
  readonly idle: number
  /** Callers that wait for one. */
  readonly waiting: number
}
