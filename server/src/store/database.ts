/** A database that is open: two ways to ask it, what it can do, and the way in for commits. */
import type { Kysely } from 'kysely'
import type { Capabilities } from './capabilities.ts'
import type { Batch } from './log/batch.ts'
import type { CommitResult } from './log/commit.ts'
import type { Tables } from './tables.ts'

export interface Database {
  readonly dialect: 'sqlite' | 'postgres'
  /** Plain reads, each with its own view of the data. */
  readonly read: Kysely<Tables>
  /** Transactions of the registry, the keys, retention and migrations. */
  readonly write: Kysely<Tables>
  readonly can: Capabilities
  /** Commits one batch; called once at a time. Rejects with a Fault where the database is at fault. */
  commit(batch: Batch): Promise<CommitResult>
  /** Error of the driver → Fault('store_unavailable') where the database cannot be reached or written, else itself. */
  toFault(error: unknown): unknown
  /** What is damaged, in words; nothing where all is well. Reads everything. */
  integrity(): Promise<readonly string[]>
  facts(): Promise<Readonly<Record<string, number | string>>>
  /** Starts what needs the tables to exist: the journal's connection, the checkpointer. */
  start(): Promise<void>
  close(): Promise<void>
}
