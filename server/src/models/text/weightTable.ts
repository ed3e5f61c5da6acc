/**
 * The quantised weights of a model by feature hash: open addressing with linear probing in one flat buffer.
 *
 * A slot is the 32-bit hash and, in the same cache line, one signed byte a column, so a lookup costs one miss at
 * most. The whole 32-bit hash is compared: of n features, a strange one is mistaken for one of them with
 * probability n / 2³² (0.02 % at a million). At most 5/8 of the slots are taken.
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
  /** 32-bit words a slot. */
  readonly stride: number
  readonly mask: number
  /** A feature's first slot is its hash's highest bits: `hash >>> shift`. */
  readonly shift: number
  /** [slots · stride] the hash (0: empty), then the weights as bytes. */
  readonly slots: Int32Array
  /** The same memory by bytes. */
  readonly bytes: Int8Array
}

/**
 * @param hashes  [features] distinct, none 0. Ascending (unsigned), as an artifact has them, they fill the table from
 *                its beginning to its end, which is ten times as quick as in any other order.
 * @param weights [columns · features] one column after another
 */
export function weightTable(hashes: Int32Array, weights: Int8Array, columns: number): WeightTable {
  const stride = 1 + Math.ceil(columns / 4)
  let size = 16
  let shift = 28
  while (size * 5 < hashes.length * 8) {
    size *= 2
    shift--
  }
  const slots = new Int32Array(size * stride)
  const bytes = new Int8Array(slots.buffer)
  const mask = size - 1
  for (let f = 0; f < hashes.length; f++) {
    let slot = hashes[f] >>> shift
    while (slots[slot * stride] !== 0) slot = (slot + 1) & mask
    slots[slot * stride] = hashes[f]
    for (let k = 0; k < columns; k++) bytes[slot * stride * 4 + 4 + k] = weights[k * hashes.length + f]
  }
  return { features: hashes.length, columns, stride, mask, shift, slots, bytes }
}

/** Where the weights of `hash` begin in `bytes`, or −1. */
export function findWeights(table: WeightTable, hash: number): number {
  const { slots, mask, shift, stride } = table
  let slot = hash >>> shift
  for (;;) {
    const other = slots[slot * stride]
    if (other === hash) return slot * stride * 4 + 4
    if (other === 0) return -1
    slot = (slot + 1) & mask
  }
}

/**
 * The same for the first `count` of `hashes`, into `places`.
 *
 * Nearly every lookup misses the cache. Fetched without a branch in between, many misses are under way at once, and the
 * second loop finds its slots in the cache: a review of 230 words takes 56 µs instead of 76.
 */
export function findAllWeights(table: WeightTable, hashes: Int32Array, count: number, places: Int32Array): void {
  const { slots, mask, shift, stride } = table
  for (let f = 0; f < count; f++) places[f] = slots[(hashes[f] >>> shift) * stride]
  for (let f = 0; f < count; f++) {
    const hash = hashes[f]
    let slot = hash >>> shift
    let other = places[f]
    while (other !== hash && other !== 0) {
      slot = (slot + 1) & mask
      other = slots[slot * stride]
    }
    places[f] = other === 0 ? -1 : slot * stride * 4 + 4
  }
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
    // Between a² and (a+1)² the nearer one is told by their mean, not by the rounded root.
    const low = Math.floor(Math.sqrt(magnitude))
    const nearest = magnitude - low * low > (low + 1) * (low + 1) - magnitude ? low + 1 : low
    q[f] = column[f] < 0 ? -nearest : nearest
  }
  return { unit, q }
}
