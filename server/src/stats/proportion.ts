/**
 * How sure a share of counted rows is. Never of no width: of 23 rows that all were right, the next may be wrong.
 *
 * Wilson's score interval (Wilson 1927), z = 1.95996 for 95 %:
 *
 *   (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n)        p = hits / n; within 0 … 1
 *
 * Its coverage is near 95 % from the smallest n on (Brown, Cai and DasGupta 2001), where the normal interval and the
 * bootstrap give no width at p = 0 and 1. */
export interface Interval {
  readonly low: number
  readonly high: number
}

/** Φ⁻¹(0.975) */
const Z = 1.959963984540054

/** @param trials 0 gives 0 … 1: nothing is known. `hits` and `trials` need not be whole, as weights are not. */
export function wilson(hits: number, trials: number): Interval {
  if (!(trials > 0)) return { low: 0, high: 1 }
  const p = hits / trials
  const z2 = (Z * Z) / trials
  const middle = p + z2 / 2
  const half = Z * Math.sqrt((p * (1 - p)) / trials + z2 / (4 * trials))
  return {
    low: hits <= 0 ? 0 : Math.max(0, (middle - half) / (1 + z2)),
    high: hits >= trials ? 1 : Math.min(1, (middle + half) / (1 + z2)),
  }
}

/**
 * The mean of independent shares, each with its interval (MOVER: Zou and Donner 2008, eq. 5):
 *
 *   low = m − √Σ(pₖ − lₖ)² / K,  high = m + √Σ(uₖ − pₖ)² / K
 */
export function meanInterval(shares: readonly { readonly value: number; readonly interval: Interval }[]): Interval {
  let [mean, below, above] = [0, 0, 0]
  for (const { value, interval } of shares) {
    mean += value / shares.length
    below += (value - interval.low) ** 2
    above += (interval.high - value) ** 2
  }
  return {
    low: Math.max(0, mean - Math.sqrt(below) / shares.length),
    high: Math.min(1, mean + Math.sqrt(above) / shares.length),
  }
}
