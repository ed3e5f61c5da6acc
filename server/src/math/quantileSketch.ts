/**
 * A distribution in a few hundred numbers: the merging t-digest (Dunning & Ertl 2019, algorithm 1, scale k₁).
 *
 * Sorted values are gathered into centroids (mean, weight) such that k(q) = (δ / 2π) · asin(2q − 1) grows by at most
 * 1 over each: centroids are small at both ends, so extreme quantiles are sharp. At most ⌈δ⌉ centroids; the error of
 * a rank q is about 2π·√(q(1 − q)) / δ at worst, and 0 at the minimum and maximum. Deterministic; sketches of parts
 * merge into a sketch of the whole.
 */
export interface QuantileSketch {
  readonly rows: number
  /** NaN where there are no rows. */
  readonly min: number
  readonly max: number
  /** [centroids] ascending */
  readonly means: readonly number[]
  /** [centroids] rows in each */
  readonly weights: readonly number[]
  /** δ */
  readonly size: number
}

/** δ: a sketch holds at most this many centroids. The error of the median's rank is then below 1.6 %, in practice 0.3 %. */
export const SKETCH_SIZE = 200

/** @param values [rows] in any order; NaN is not allowed, ±∞ is. */
export function quantileSketch(values: ArrayLike<number>, size = SKETCH_SIZE): QuantileSketch {
  const sorted = Float64Array.from(values).sort()
  return gather(
    sorted,
    new Float64Array(sorted.length).fill(1),
    size,
    sorted[0] ?? NaN,
    sorted[sorted.length - 1] ?? NaN,
  )
}

/**
 * The sketch of all rows of several sketches.
 *
 * @internal The server only writes sketches so far, into the reference of a version; tests read them back.
 */
export function mergeSketches(sketches: readonly QuantileSketch[], size = SKETCH_SIZE): QuantileSketch {
  const centroids = sketches.flatMap(({ means, weights }) => means.map((mean, i) => ({ mean, weight: weights[i] })))
  centroids.sort((a, b) => a.mean - b.mean)
  const filled = sketches.filter((sketch) => sketch.rows > 0)
  return gather(
    Float64Array.from(centroids, ({ mean }) => mean),
    Float64Array.from(centroids, ({ weight }) => weight),
    size,
    filled.length === 0 ? NaN : Math.min(...filled.map((sketch) => sketch.min)),
    filled.length === 0 ? NaN : Math.max(...filled.map((sketch) => sketch.max)),
  )
}

/**
 * The value below which a share q of the rows lies; linear between the centres of centroids, exact at 0 and 1.
 * @returns NaN of no rows.
 *
 * @internal The server only writes sketches so far, into the reference of a version; tests read them back.
 */
export function sketchQuantile(sketch: QuantileSketch, q: number): number {
  if (sketch.rows === 0) return NaN
  const { ranks, values } = knots(sketch)
  const target = q * sketch.rows
  const i = ranks.findIndex((rank) => rank > target)
  return i === -1
    ? sketch.max
    : i === 0
      ? sketch.min
      : between(ranks[i - 1], values[i - 1], ranks[i], values[i], target)
}

/**
 * The share of rows below a value plus half of those at it: the inverse of sketchQuantile.
 * @returns NaN of no rows.
 *
 * @internal The server only writes sketches so far, into the reference of a version; tests read them back.
 */
export function sketchRank(sketch: QuantileSketch, value: number): number {
  if (sketch.rows === 0) return NaN
  if (value < sketch.min) return 0
  if (value > sketch.max) return 1
  const { ranks, values } = knots(sketch)
  const i = values.findIndex((each) => each >= value)
  if (values[i] !== value) return between(values[i - 1], ranks[i - 1], values[i], ranks[i], value) / sketch.rows
  const last = values.findLastIndex((each) => each === value)
  return (ranks[i] + ranks[last]) / 2 / sketch.rows
}

/**
 * The corners of the distribution function: [knots] ascending numbers of rows, and the values there. A centroid is a
 * point in the middle of its rows; one that is heavier than the rule allows can only be a tie, and is a step.
 */
function knots({ rows, min, max, means, weights, size }: QuantileSketch): { ranks: number[]; values: number[] } {
  const ranks = [0]
  const values = [min]
  let before = 0
  for (const [i, mean] of means.entries()) {
    const after = before + weights[i]
    if (after > rows * nextLimit(before / rows, size)) {
      ranks.push(before, after)
      values.push(mean, mean)
    } else {
      ranks.push((before + after) / 2)
      values.push(mean)
    }
    before = after
  }
  ranks.push(rows)
  values.push(max)
  return { ranks, values }
}

function gather(means: Float64Array, weights: Float64Array, size: number, min: number, max: number): QuantileSketch {
  let rows = 0
  for (const weight of weights) rows += weight
  const outMeans: number[] = []
  const outWeights: number[] = []
  let closed = 0
  let mean = 0
  let weight = 0
  let limit = rows * nextLimit(0, size)
  for (let i = 0; i < means.length; i++) {
    // Equal values stay together: a tie of a thousand rows is one centroid, and its value is exact.
    if (weight > 0 && closed + weight + weights[i] > limit && means[i] !== mean) {
      outMeans.push(mean)
      outWeights.push(weight)
      closed += weight
      limit = rows * nextLimit(closed / rows, size)
      mean = means[i]
      weight = weights[i]
    } else {
      weight += weights[i]
      mean = mean === means[i] || weight === weights[i] ? means[i] : mean + ((means[i] - mean) * weights[i]) / weight
    }
  }
  if (weight > 0) {
    outMeans.push(mean)
    outWeights.push(weight)
  }
  return { rows, min, max, means: outMeans, weights: outWeights, size }
}

/** The share up to which a centroid may reach that begins at share q. */
function nextLimit(q: number, size: number): number {
  const k = (size / (2 * Math.PI)) * Math.asin(2 * q - 1) + 1
  return k >= size / 4 ? 1 : (Math.sin((2 * Math.PI * k) / size) + 1) / 2
}

function between(x0: number, y0: number, x1: number, y1: number, x: number): number {
  if (x1 === x0 || y0 === y1) return y1
  return y0 + ((y1 - y0) * (x - x0)) / (x1 - x0)
}
