/** Which features of the rows get a column, and the rows as columns. */
import type { Shard } from './shard.ts'

export interface Counted {
  /** [features] unsorted */
  readonly hash: Int32Array
  /** [features] in how many rows */
  readonly rows: Uint32Array
}

/**
 * Counts in how many rows each feature occurs, for the features whose hash falls into part `part` of 2^partBits equal
 * parts of the hash space. Features of fewer than `rowsMin` rows are left out, but for those that `always` lists.
 */
export function countFeatures(
  shards: readonly Shard[],
  part: number,
  partBits: number,
  rowsMin: number,
  always: Int32Array,
): Counted {
  let size = 1 << 16
  let table = new Int32Array(2 * size)
  let used = 0
  const shift = 32 - partBits
  for (const { hash } of shards) {
    for (let i = 0; i < hash.length; i++) {
      const h = hash[i]
      if (partBits > 0 && h >>> shift !== part) continue
      let slot = (h & (size - 1)) << 1
      while (table[slot] !== h) {
        if (table[slot] === 0) {
          table[slot] = h
          used++
          break
        }
        slot = (slot + 2) & (2 * size - 1)
      }
      table[slot + 1]++
      if (used * 2 > size) {
        table = doubled(table)
        size *= 2
      }
    }
  }
  return selected(table, rowsMin, always)
}

function doubled(table: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * table.length)
  for (let i = 0; i < table.length; i += 2) {
    if (table[i] === 0) continue
    let slot = (table[i] << 1) & (larger.length - 1)
    while (larger[slot] !== 0) slot = (slot + 2) & (larger.length - 1)
    larger[slot] = table[i]
    larger[slot + 1] = table[i + 1]
  }
  return larger
}

function selected(table: Int32Array, rowsMin: number, always: Int32Array): Counted {
  const kept = (i: number): boolean => table[i] !== 0 && (table[i + 1] >= rowsMin || findColumn(always, table[i]) >= 0)
  let features = 0
  for (let i = 0; i < table.length; i += 2) if (kept(i)) features++
  const hash = new Int32Array(features)
  const rows = new Uint32Array(features)
  let f = 0
  for (let i = 0; i < table.length; i += 2) {
    if (!kept(i)) continue
    hash[f] = table[i]
    rows[f++] = table[i + 1]
  }
  return { hash, rows }
}

/** The columns in their final order: most rows first, then by hash; `featuresMax` of them at most. */
export function orderColumns(parts: readonly Counted[], featuresMax: number): { hash: Int32Array; rows: Uint32Array } {
  const total = parts.reduce((sum, part) => sum + part.hash.length, 0)
  // Frequent features first packs what nearly every row touches into a few pages. One sort key, exact in a double:
  // (2²¹ − 1 − rows) · 2³² + hash.
  const keys = new Float64Array(total)
  let f = 0
  for (const part of parts) {
    for (let i = 0; i < part.hash.length; i++) {
      keys[f++] = (ROWS_KEY - Math.min(ROWS_KEY, part.rows[i])) * 2 ** 32 + (part.hash[i] >>> 0)
    }
  }
  keys.sort()
  const features = Math.min(total, featuresMax)
  const hash = new Int32Array(new SharedArrayBuffer(4 * features))
  const rows = new Uint32Array(new SharedArrayBuffer(4 * features))
  for (let i = 0; i < features; i++) {
    hash[i] = (keys[i] % 2 ** 32) | 0
    rows[i] = ROWS_KEY - Math.floor(keys[i] / 2 ** 32)
  }
  return { hash, rows }
}

const ROWS_KEY = 2 ** 21 - 1

/** A shared open-addressed map from hash to column: [hash, column] pairs, hash 0 is empty. */
export function indexColumns(hash: Int32Array): Int32Array {
  let size = 1024
  while (size < 2 * hash.length) size *= 2
  const index = new Int32Array(new SharedArrayBuffer(8 * size))
  for (let column = 0; column < hash.length; column++) {
    let slot = (hash[column] & (size - 1)) << 1
    while (index[slot] !== 0) slot = (slot + 2) & (2 * size - 1)
    index[slot] = hash[column]
    index[slot + 1] = column
  }
  return index
}

export function findColumn(index: Int32Array, hash: number): number {
  const mask = index.length - 1
  let slot = (hash << 1) & mask
  for (;;) {
    if (index[slot] === hash) return index[slot + 1]
    if (index[slot] === 0) return -1
    slot = (slot + 2) & mask
  }
}

/** The rows of a shard as ascending-row lists of columns, features without a column left out. */
export interface ShardColumns {
  readonly rowStart: Uint32Array
  readonly column: Uint32Array
}

export function toColumns(shard: Shard, index: Int32Array): ShardColumns {
  const rowStart = new Uint32Array(new SharedArrayBuffer(4 * shard.rowStart.length))
  const column = new Uint32Array(shard.hash.length)
  let used = 0
  for (let row = 0; row + 1 < shard.rowStart.length; row++) {
    for (let i = shard.rowStart[row]; i < shard.rowStart[row + 1]; i++) {
      const found = findColumn(index, shard.hash[i])
      if (found >= 0) column[used++] = found
    }
    rowStart[row + 1] = used
  }
  const kept = new Uint32Array(new SharedArrayBuffer(4 * used))
  kept.set(column.subarray(0, used))
  return { rowStart, column: kept }
}
