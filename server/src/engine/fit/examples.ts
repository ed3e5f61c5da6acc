/** What is learned from: examples that can be put into the feeds of a batch. */
import type { Random } from '../../math/random.ts'
import type { RunValues } from '../session.ts'
import type { ScratchType } from './parameters.ts'
import type { Bucket } from './trainable.ts'

/** By the name of the graph's input; row-major, of the bucket's shape. They hold what the batch before left there. */
export type Feeds = Readonly<Record<string, RunValues[ScratchType]>>

export interface Examples {
  readonly count: number
  /** Of an example before padding, at least 1: tokens, time steps. */
  length(example: number): number
  /**
   * Writes these examples into all feeds, one a row, cut or padded to the bucket's length. Where there are fewer than
   * the bucket has rows, the rest must weigh nothing in the loss.
   *
   * @param random for what is drawn anew each time (masked words); depends on seed, step and turn alone
   */
  fill(examples: Uint32Array, bucket: Bucket, feeds: Feeds, random: Random): void
}

/** [examples] */
export function lengthsOf(examples: Examples): Uint32Array {
  return Uint32Array.from({ length: examples.count }, (_, i) => examples.length(i))
}

/** The float feed of that name; a feed that the graph does not have is a bug. */
export function floats(feeds: Feeds, name: string): Float32Array {
  const values = feeds[name]
  if (!(values instanceof Float32Array)) throw new TypeError(`no float32 feed is called ${name}`)
  return values
}

/**
 * The int64 feed of that name as 32-bit words: element i is at 2i, little-endian, and its upper half at 2i + 1. Numbers
 * are written about ten times faster so than as BigInt. Only for values in [0, 2³¹).
 */
export function words(feeds: Feeds, name: string): Int32Array {
  const values = feeds[name]
  if (!(values instanceof BigInt64Array)) throw new TypeError(`no int64 feed is called ${name}`)
  return new Int32Array(values.buffer, values.byteOffset, 2 * values.length)
}
