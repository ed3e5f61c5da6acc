/** How long PostgreSQL may take, and how many connections it is asked for. Tests set smaller ones. */
export interface PostgresLimits {
  /** Connections of the pool, beside those for commits. */
  readonly poolMax: number
  /** Until a connection is open, or one of the pool is free. */
  readonly connectMs: number
  /** A statement, as the server counts; a commit's is one of many. */
  readonly statementMs: { readonly read: number; readonly commit: number }
  /** Until a row or a table that another transaction holds is free. */
  readonly lockMs: number
  /** The same for the one lock of ours: a registration of a large model may hold it. */
  readonly exclusiveMs: number
  /**
   * A connection that owes an answer for so long is given up: above what the server allows itself, so that this tells
   * a server that is lost from one that is slow. `lookup` is for reads of a few rows by their key.
   */
  readonly answerMs: { readonly commit: number; readonly lookup: number; readonly read: number; readonly write: number }
  /** After so long without a word a connection is asked for a sign of life before it is used … */
  readonly trustMs: number
  /** … which must come within this. */
  readonly probeMs: number
  /** `check` fails when it has no answer by then. */
  readonly checkMs: number
  /** The server ends a transaction whose client does nothing for so long: a lost one holds locks until then. */
  readonly idleTransactionMs: { readonly pool: number; readonly commit: number }
  /** An idle connection of the pool is closed after this … */
  readonly idleMs: number
  /** … and any is replaced after this, so that a changed address, password or balance of a cluster is followed. */
  readonly lifetimeMs: number
}

export const POSTGRES_LIMITS: PostgresLimits = {
  poolMax: 6,
  connectMs: 3000,
  statementMs: { read: 30_000, commit: 10_000 },
  lockMs: 5000,
  exclusiveMs: 25_000,
  answerMs: { commit: 12_000, lookup: 5000, read: 32_000, write: 40_000 },
  trustMs: 5000,
  probeMs: 1000,
  checkMs: 3000,
  idleTransactionMs: { pool: 60_000, commit: 15_000 },
  idleMs: 300_000,
  lifetimeMs: 3_600_000,
}
