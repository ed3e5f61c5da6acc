/**
 * Batches of examples of like length, so that little of the work is padding.
 *
 * Each example goes to the shortest bucket that holds it. What does not fill a batch moves on to the next longer bucket,
 * so at most one batch of an epoch is not full. How many batches there are does not depend on the order.
 */
import assert from 'node:assert/strict'
import { type Random, shuffle } from '../../math/random.ts'
import type { Bucket } from './trainable.ts'

export interface Batch {
  /** Index into the buckets. */
  readonly bucket: number
  /** The examples; as many as the bucket has rows, or fewer. */
  readonly rows: Uint32Array
}

/**
 * @param lengths [examples] before padding; longer ones than the longest bucket are cut by whoever fills the feeds
 * @param buckets ascending by length
 * @param random  null: in the order of length and number, for an evaluation
 */
export function batchesOf(lengths: ArrayLike<number>, buckets: readonly Bucket[], random: Random | null): Batch[] {
  assert(buckets.length > 0 && buckets.every((bucket, i) => i === 0 || buckets[i - 1].length < bucket.length))
  const order = Uint32Array.from({ length: lengths.length }, (_, i) => i)
  if (random) shuffle(order, random)
  const members: number[][] = buckets.map(() => [])
  for (const i of order) members[bucketOf(lengths[i], buckets)].push(i)
  const batches: Batch[] = []
  let left: number[] = []
  for (const [b, { rows }] of buckets.entries()) {
    const waiting = [...left, ...members[b]]
    const full = Math.floor(waiting.length / rows) * rows
    for (let at = 0; at < full; at += rows) {
      batches.push({ bucket: b, rows: Uint32Array.from(waiting.slice(at, at + rows)) })
    }
    left = waiting.slice(full)
  }
  if (left.length > 0) {
    const needed = left.reduce((most, i) => Math.max(most, bucketOf(lengths[i], buckets)), 0)
    const bucket = left.length <= buckets[needed].rows ? needed : buckets.length - 1
    batches.push({ bucket, rows: Uint32Array.from(left) })
  }
  if (random) shuffle(batches, random)
  return batches
}

/** The shortest bucket that holds the length; the longest where none does. */
function bucketOf(length: number, buckets: readonly Bucket[]): number {
  const found = buckets.findIndex((bucket) => length <= bucket.length)
  return found === -1 ? buckets.length - 1 : found
}

/** Share of all positions that are padding, in [0, 1). */
export function paddedShare(batches: readonly Batch[], lengths: ArrayLike<number>, buckets: readonly Bucket[]): number {
  let used = 0
  let all = 0
  for (const { bucket, rows } of batches) {
    const { length, rows: most } = buckets[bucket]
    for (const i of rows) used += Math.min(length, lengths[i])
    all += most * length
  }
  return all === 0 ? 0 : 1 - used / all
}
