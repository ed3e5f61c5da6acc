/**
 * What went wrong in the database, for the log, /health and the metrics. A request that fails says so to its caller;
 * this says it to whoever runs the server: at once, then at most every ten seconds, and when it is over.
 */
import { Fault } from '../domain/faults.ts'
import type { StoreLogger } from './openStore.ts'

/** The codes that say that the database is at fault. */
const CODES = ['store_unavailable', 'store_unusable'] as const
type Code = (typeof CODES)[number]

/** Between two log lines about failures that go on. */
const SAY_MS = 10_000
/** A failed commit without one that succeeded after it counts for so long: then a written mark is proof enough. */
const RECENT_MS = 30_000

/** What the database was asked for. */
export type Doing = 'a commit' | 'a checkpoint' | 'a query'

export type FailureCounts = Readonly<Record<Code, number>>

export interface Failures {
  readonly counts: FailureCounts
  /** Damage was met. It does not heal: it stays until the store is opened again. */
  readonly damaged: boolean
  /** Takes note where the error is a fault of the database; gives the error back. */
  note(error: unknown, doing: Doing): unknown
  committed(): void
  /** The fault that keeps rows from being written, if any. */
  present(): Fault | null
}

/** @param elapsed monotonic, in ms */
export function failures(logger: StoreLogger | undefined, elapsed: () => number = () => performance.now()): Failures {
  const counts: Record<Code, number> = { store_unavailable: 0, store_unusable: 0 }
  let damage: Fault | null = null
  let failed: { readonly since: number; rows: number } | null = null
  /** A query that fails (a search out of time) says nothing of commits. */
  let refused: { readonly fault: Fault; readonly at: number } | null = null
  let saidAt = Number.NEGATIVE_INFINITY
  let unsaid = 0

  return {
    counts,
    get damaged() {
      return damage !== null
    },
    note(error, doing) {
      const code = codeOf(error)
      if (code === null || !(error instanceof Fault)) return error
      counts[code] += 1
      if (code === 'store_unusable') damage ??= error
      const now = elapsed()
      if (doing !== 'a query') refused = { fault: error, at: now }
      if (failed === null) failed = { since: now, rows: 1 }
      else failed.rows += 1
      if (now - saidAt < SAY_MS) unsaid += 1
      else {
        logger?.error({ code, doing, ...reasonOf(error.cause), ...(unsaid > 0 ? { unsaid } : {}) }, error.message)
        saidAt = now
        unsaid = 0
      }
      return error
    },
    committed() {
      refused = null
      if (failed === null) return
      const seconds = Math.round((elapsed() - failed.since) / 1000)
      logger?.info({ failures: failed.rows, seconds }, 'the database takes commits again')
      failed = null
      saidAt = Number.NEGATIVE_INFINITY
      unsaid = 0
    },
    present() {
      if (damage !== null) return damage
      return refused !== null && elapsed() - refused.at < RECENT_MS ? refused.fault : null
    },
  }
}

function codeOf(error: unknown): Code | null {
  return (error instanceof Fault && CODES.find((code) => code === error.code)) || null
}

/** The driver's words and code, and nothing else of its error: PostgreSQL's has values of rows in it. */
function reasonOf(cause: unknown): object {
  if (!(cause instanceof Error)) return {}
  return { why: cause.message, ...('code' in cause ? { reason: cause.code } : {}) }
}
