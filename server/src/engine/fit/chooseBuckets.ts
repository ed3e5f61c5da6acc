/**
 * The few lengths that pad least: each example is padded to the next of them, and the sum of all padding is smallest.
 *
 *   min over b₁ < … < b_k = longest of Σᵢ bucket(lengthᵢ)
 *
 * Candidates are multiples of `step`. Found exactly, by dynamic programming over candidates × buckets. More buckets pad
 * less, and each costs a session with its own memory.
 */
import type { Bucket } from './trainable.ts'

export interface ChooseBuckets {
  readonly rows: number
  /** Of the longest bucket at most; longer examples are cut. */
  readonly lengthMax: number
  readonly count: number
  readonly step: number
}

/** @returns ascending by length; at least one bucket */
export function chooseBuckets(lengths: ArrayLike<number>, asked: ChooseBuckets): Bucket[] {
  const { rows, lengthMax, step } = asked
  let longest = 1
  for (let i = 0; i < lengths.length; i++) longest = Math.max(longest, lengths[i])
  const last = Math.ceil(Math.min(longest, lengthMax) / step)
  /** [last + 1] examples that need k steps */
  const needing = new Float64Array(last + 1)
  for (let i = 0; i < lengths.length; i++) needing[Math.min(last, Math.max(1, Math.ceil(lengths[i] / step)))]++
  const upTo = needing.slice()
  for (let k = 1; k <= last; k++) upTo[k] += upTo[k - 1]
  /** cost[k]: of all examples that need ≤ k, with the longest bucket of the round at k; before[k]: the one below it. */
  let cost = Float64Array.from(upTo, (examples, k) => examples * k)
  const befores: Int32Array[] = []
  for (let round = 1; round < asked.count; round++) {
    const next = cost.slice()
    const before = new Int32Array(last + 1)
    for (let k = 1; k <= last; k++) {
      for (let j = 1; j < k; j++) {
        const total = cost[j] + (upTo[k] - upTo[j]) * k
        if (total < next[k]) {
          next[k] = total
          before[k] = j
        }
      }
    }
    befores.push(before)
    cost = next
  }
  const chosen: number[] = []
  let k = last
  for (let round = befores.length; k > 0; round--) {
    chosen.push(k)
    // Where a round found nothing better, the rounds before it may have.
    while (round > 0 && befores[round - 1][k] === 0) round--
    k = round > 0 ? befores[round - 1][k] : 0
  }
  return chosen.reverse().map((steps) => ({ rows, length: Math.min(lengthMax, steps * step) }))
}
