/**
 * What is usual for one metric of one node: its exponentially weighted mean and standard deviation, which an
 * outlier moves only a little.
 *
 *   α = max(1/n, 1 − exp(−Δt/τ)),   e = y − m,   m ← m + α·ê,   v ← (1 − α)·(v + α·ê²)
 *
 * with ê = e clipped to ±3·√v once 30 numbers have been seen (winsorising; Huber 1964), so that half an hour of
 * faults does not become the new normal at once. While 1/n leads, m and v are the plain mean and variance.
 * (Incremental weighted variance: West 1979; Finch 2009, eq. 143.)
 */
export interface Baseline {
  count: number
  mean: number
  /** v */
  variance: number
}

const CLIP = 3
const CLIP_FROM = 30

export function baseline(): Baseline {
  return { count: 0, mean: 0, variance: 0 }
}

/**
 * @param share  1 − exp(−Δt/τ) of the time since the number before
 * @param floor  the least standard deviation that counts when an outlier is clipped
 */
export function learnUsual(of: Baseline, y: number, share: number, floor: number): void {
  of.count++
  const alpha = Math.max(1 / of.count, share)
  const most = of.count <= CLIP_FROM ? Infinity : CLIP * Math.max(floor, Math.sqrt(of.variance))
  const e = Math.max(-most, Math.min(most, y - of.mean))
  of.mean += alpha * e
  of.variance = (1 - alpha) * (of.variance + alpha * e * e)
}
