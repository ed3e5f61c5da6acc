/**
 * A sketch of latencies with a bounded relative error: counts over geometric buckets.
 *
 *   bucket(x) = ⌈ln x / ln γ⌉, so bucket i covers (γ^(i−1), γ^i] milliseconds; γ = 1.05
 *   estimate(i) = 2γ^i / (γ + 1), which is within (γ − 1)/(γ + 1) = 2.44 % of every value of its bucket
 *
 * Sketches of the same γ add up bucket by bucket, so hours, versions and replicas merge without loss.
 * Masson, Rim & Lee 2019 (DDSketch), definitions 3 to 5.
 */
export type LatencySketch = ReadonlyMap<number, number>

const GAMMA = 1.05
const LN_GAMMA = Math.log(GAMMA)
/** A microsecond: below it, nothing was measured. */
const SMALLEST_MS = 0.001

/** @param ms a latency in milliseconds; negative or tiny values count as a microsecond. */
export function latencyBucket(ms: number): number {
  return Math.ceil(Math.log(Math.max(ms, SMALLEST_MS)) / LN_GAMMA)
}

/**
 * The q-quantile, 0 ≤ q ≤ 1: the estimate of the bucket that holds the value of rank ⌊q(n − 1)⌋.
 *
 * @returns milliseconds; null for an empty sketch.
 */
export function latencyQuantile(sketch: LatencySketch, q: number): number | null {
  let rows = 0
  for (const count of sketch.values()) rows += count
  if (rows === 0) return null
  const rank = Math.floor(q * (rows - 1))
  let below = 0
  for (const bucket of [...sketch.keys()].sort((a, b) => a - b)) {
    below += sketch.get(bucket) ?? 0
    if (below > rank) return (2 * GAMMA ** bucket) / (GAMMA + 1)
  }
  return null
}

export function mergeSketches(sketches: Iterable<LatencySketch>): LatencySketch {
  const sum = new Map<number, number>()
  for (const sketch of sketches) for (const [bucket, count] of sketch) sum.set(bucket, (sum.get(bucket) ?? 0) + count)
  return sum
}
