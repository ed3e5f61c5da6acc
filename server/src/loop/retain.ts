import type { Millis } from '../domain/time.ts'
import type { Store } from '../store/store.ts'

const DAY_MS = 86_400_000
/** A step locks the log for a few milliseconds; a round leaves the rest to the next one. */
const STEP_ROWS = 2000
const STEPS_MAX = 50

export interface RetentionLimits {
  /** 0 for no limit. */
  readonly retainRows: number
  readonly retainDays: number
}

/** Removes what the log need not keep any more, a bounded part of it; returns how many rows went. */
export async function retain(limits: RetentionLimits, now: Millis, log: Pick<Store['log'], 'retain'>): Promise<number> {
  const { retainRows, retainDays } = limits
  if (retainRows === 0 && retainDays === 0) return 0
  return log.retain({
    rowsMax: retainRows === 0 ? null : retainRows,
    olderThan: retainDays === 0 ? null : now - retainDays * DAY_MS,
    stepRows: STEP_ROWS,
    stepsMax: STEPS_MAX,
  })
}
