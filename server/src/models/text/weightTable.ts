/**
 * The quantised weights of a model by feature hash, in hardly more memory than they take on disk.
 *
 * The highest bits of a hash name its bucket; about four features share one. The records of a bucket lie side by side:
 * the lowest 16 bits of the hash, then one signed byte a column. So the whole 32-bit hash is compared: of n features, a
 * strange one is mistaken for one of them with probability n / 2³² (0.02 % at a million).
 *
 * A million features of three labels take 6 MB, and a lookup two cache misses. Open addressing took 17 MB, of which
 * more than half lay empty, and one miss: 61 µs a review of 230 words then, 69 now.
 *
 *   weight = unit · q · |q|,  q in −127 … 127
 *
 * Squaring gives small weights, which are most of them, finer steps than large ones, and keeps sums of q·|q| whole
 * numbers: exact in any order.
 */
export interface WeightTable {
  readonly features: number
  /** Weights a feature: 1 for two labels (their margin), else one a label. */
  readonly columns: number
  /** A feature's bucket is its hash's highest bits: `hash >>> shift`. */
  readonly shift: number
  /** [buckets + 1] in `bytes`, where the records of a bucket begin; the last is where all records end. */
  readonly starts: Uint32Array
  /** [features + 1 records of 2 + columns bytes] the last one is never matched: it lets a bucket be read unasked. */
  readonly bytes: Int8Array
}

/** More buckets than this would not fit the second-level cache; with fewer than 2¹⁶, 16 bits would not tell hashes apart. */
const BUCKET_BITS = { min: 16, max: 18 }

/**
 * @param hashes  [features] distinct
 * @param weights [columns · features] one column after another
 */
export function weightTable(hashes: Int32Array, weights: Int8Array, columns: number): WeightTable {
  const features = hashes.length
  const bits = Math.min(BUCKET_BITS.max, Math.max(BUCKET_BITS.min, Math.ceil(Math.log2(features / 4))))
  const shift = 32 - bits
  const stride = 2 + columns
  const starts = new Uint32Array(2 ** bits + 1)
  for (let f = 0; f < features; f++) starts[(hashes[f] >>> shift) + 1] += stride
  for (let b = 0; b < 2 ** bits; b++) starts[b + 1] += starts[b]
  const next = starts.slice()
  const bytes = new Int8Array((features + 1) * stride)
  for (let f = 0; f < features; f++) {
    const hash = hashes[f]
    const bucket = hash >>> shift
    const at = next[bucket]
    next[bucket] = at + stride
    bytes[at] = hash
    bytes[at + 1] = hash >>> 8
    for (let k = 0; k < columns; k++) bytes[at + 2 + k] = weights[k * features + f]
  }
  return { features, columns, shift, starts, bytes }
}

/** Where the weights of `hash` begin in `bytes`, or −1. */
export function findWeights({ starts, bytes, shift, columns }: WeightTable, hash: number): number {
  const bucket = hash >>> shift
  const end = starts[bucket + 1]
  const low = (hash << 24) >> 24
  const high = (hash << 16) >> 24
  for (let at = starts[bucket]; at < end; at += 2 + columns)
    if (bytes[at] === low && bytes[at + 1] === high) return at + 2
  return -1
}

/** What `addWeights` writes to on its way; reused from text to text, and grown with the longest. */
export interface Sought {
  /** Where the search begins for each hash. */
  places: Int32Array
  /** Indices of the hashes that have no weights, ascending. */
  absent: Int32Array
}

export function createSought(hashesMax = 4096): Sought {
  return { places: new Int32Array(hashesMax), absent: new Int32Array(hashesMax) }
}

/**
 * Adds q·|q| of the first `count` of `hashes` to `sums`, column by column, and lists those that have no weights.
 *
 * Nearly every lookup misses the cache, first for the bucket, then for its records. Fetched without a branch in between,
 * many misses are under way at once, and the last pass finds what it needs in the cache.
 *
 * @returns how many have no weights
 */
export function addWeights(
  table: WeightTable,
  hashes: Int32Array,
  count: number,
  sums: Float64Array,
  sought: Sought,
): number {
  if (sought.places.length < count) Object.assign(sought, createSought(2 * count))
  const { places, absent } = sought
  const { starts, bytes, shift, columns } = table
  for (let f = 0; f < count; f++) places[f] = starts[hashes[f] >>> shift]
  let sum = 0
  for (let f = 0; f < count; f++) sum += bytes[places[f]]
  // Never true of whole numbers, which the optimiser does not know: so it does not leave the reading out.
  if (sum === 0.5) return 0
  const stride = 2 + columns
  // The first three in variables, which stay in registers: most models have no more.
  let first = 0
  let second = 0
  let third = 0
  let missing = 0
  for (let f = 0; f < count; f++) {
    const hash = hashes[f]
    const end = starts[(hash >>> shift) + 1]
    const low = (hash << 24) >> 24
    const high = (hash << 16) >> 24
    let at = places[f]
    while (at < end && (bytes[at] !== low || bytes[at + 1] !== high)) at += stride
    if (at >= end) absent[missing++] = f
    else {
      first += squared(bytes[at + 2])
      if (columns > 1) second += squared(bytes[at + 3])
      if (columns > 2) third += squared(bytes[at + 4])
      for (let k = 3; k < columns; k++) sums[k] += squared(bytes[at + 2 + k])
    }
  }
  sums[0] += first
  if (columns > 1) sums[1] += second
  if (columns > 2) sums[2] += third
  return missing
}

/** The whole number q·|q| that stands for a weight. */
export function squared(q: number): number {
  return q < 0 ? -q * q : q * q
}

/**
 * Nearest q for each weight of one column.
 *
 * @returns `unit`, the weight of q = 1: max |w| / 127². A column of zeros has the unit 0.
 */
export function quantise(column: Float64Array): { unit: number; q: Int8Array } {
  let most = 0
  for (const w of column) most = Math.max(most, Math.abs(w))
  const unit = most / (127 * 127)
  const q = new Int8Array(column.length)
  if (unit === 0) return { unit, q }
  for (let f = 0; f < column.length; f++) {
    const magnitude = Math.abs(column[f]) / unit
    // Between a² and (a+1)² the mean decides which is nearer, not the rounded root.
    const low = Math.floor(Math.sqrt(magnitude))
    const nearest = magnitude - low * low > (low + 1) * (low + 1) - magnitude ? low + 1 : low
    q[f] = column[f] < 0 ? -nearest : nearest
  }
  return { unit, q }
}
