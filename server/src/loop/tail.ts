import type { LoggedPrediction } from '../domain/prediction.ts'
import type { Millis } from '../domain/time.ts'
import type { Store } from '../store/store.ts'

/** Rows of other replicas may commit a little after rows with later ids; they are looked for this long. */
const LATE_MS = 3000
const ROWS_MAX = 100

/**
 * What all replicas log, as they log it: each call returns the rows that were not returned before, oldest first, at most
 * a hundred of the newest. For the live page of a replica that shares its store.
 */
export function tail(log: Pick<Store['log'], 'page'>, from: Millis): (now: Millis) => Promise<LoggedPrediction[]> {
  const seen = new Map<string, Millis>()
  return async (now) => {
    const since = Math.max(from, now - LATE_MS)
    const { rows } = await log.page({ since }, ROWS_MAX, null)
    const fresh = rows.filter((row) => !seen.has(row.id)).reverse()
    for (const [id, at] of seen) if (at < since) seen.delete(id)
    for (const row of fresh) seen.set(row.id, row.at)
    return fresh
  }
}
