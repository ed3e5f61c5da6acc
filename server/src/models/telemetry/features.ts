/**
 * Samples of a node → the numbers that an anomaly detector looks at. Strictly causal: what is said of a sample depends
 * on it and on earlier ones only.
 *
 * Of each metric, over the samples of the last `windowSeconds` (t − window, t]:
 *
 *   value, mean, std (n − 1), min, max, q75     of the values, missing ones filled with the last one in the window
 *   missing                                     share of those samples that lack the metric, in [0, 1]
 *   usual                                       the exponentially weighted mean of y = asinh value (baseline.ts)
 *   deviation                                   (y − usual) / usual spread of y, in [−20, 20]
 *   spread                                      ln((std of y + 0.01·u) / (1.01·u)), u its usual value, in [−5, 5]
 *
 * and of a node that counts bytes and packets: bytes_per_packet_in and _out (0 packets → NaN), each with its `usual`.
 * A number that is not defined is NaN: the std of one value, anything of a window without a value.
 *
 * The reference design lists the mean and std of a 300 s window, and a rolling 5-minute mean and std: looked at
 * sample by sample they are the same two numbers, and stand here once. What it lacks is a memory of what is usual for
 * *this* node (a gateway and a sensor differ by four decades): `usual`, on the scale of asinh, which is linear near 0,
 * logarithmic above and defined everywhere. It is of the past alone: a sample is compared first and learnt afterwards.
 */
import type { Millis } from '../../domain/time.ts'
import { type Baseline, baseline, learnUsual } from './baseline.ts'
import { baseMetrics, type History, rowOf } from './history.ts'
import {
  addMoment,
  addValue,
  deviationOf,
  type Moments,
  moments,
  quantileOf,
  type SlidingStatistics,
  slidingStatistics,
  takeMoment,
  takeValue,
} from './slidingStatistics.ts'

export interface FeaturePlan {
  readonly metrics: readonly string[]
  readonly windowSeconds: number
  /** τ of what is usual. */
  readonly usualSeconds: number
}

/** The window is the reference design's; an hour is short against the daily rhythm, and long against the faults. */
export const featurePlan: FeaturePlan = { metrics: baseMetrics, windowSeconds: 300, usualSeconds: 3600 }

export const perMetric = [
  'value',
  'mean',
  'std',
  'min',
  'max',
  'q75',
  'missing',
  'usual',
  'deviation',
  'spread',
] as const

const RATIOS = [
  { name: 'bytes_per_packet_in', over: 'bytes_in', under: 'packets_in' },
  { name: 'bytes_per_packet_out', over: 'bytes_out', under: 'packets_out' },
] as const

/** A window holds at most so many samples; with more in 300 s the oldest leave early. */
export const WINDOW_SAMPLES_MAX = 1024
/** What is larger, or not a number, was not measured. (2¹²⁸ bytes have not been made yet; their squares still add up.) */
const VALUE_MAX = 2 ** 128
/** Changes of 1 % are noise, whatever the past says: of y = asinh x they are 0.01 · x/√(1 + x²), which is 0.01 · tanh y. */
const NOISE = 0.01
/** Where a metric has always been 0 anything is a surprise. */
const NOISE_LEAST = 1e-9
const DEVIATION_MAX = 20
const SPREAD_MAX = 5

/** [features] in the order in which a stream gives them. */
export function featureNames({ metrics }: FeaturePlan): string[] {
  return [
    ...metrics.flatMap((metric) => perMetric.map((name) => `${metric}_${name}`)),
    ...ratiosOf(metrics).flatMap(({ name }) => [name, `${name}_usual`]),
  ]
}

/** The features of one node, sample by sample. */
export interface FeatureStream {
  /**
   * @param at     later than the sample before
   * @param values [metrics] NaN where missing
   * @returns [features]; the next call writes into the same array
   */
  push(at: Millis, values: ArrayLike<number>): Float64Array
  /** Rows that the window holds now. */
  readonly samples: number
}

/** One metric's part of the window. */
interface Column {
  /** [capacity] by place in the ring: the filled value, NaN where there is nothing to fill with */
  values: Float64Array
  /** [capacity] 1 where the sample lacked the metric */
  missing: Uint8Array
  missingCount: number
  readonly statistics: SlidingStatistics
  /** Of asinh value, for its spread. */
  readonly compressed: Moments
  readonly usual: Baseline
  readonly usualSpread: Baseline
  last: number
  lastAt: Millis
}

/** What a window of 300 s holds at 10 s. */
const CAPACITY = 32

/** Memory: 8 bytes a sample in the window and 17 more a metric, in two blocks; nothing grows with time. */
export function createFeatureStream(plan: FeaturePlan): FeatureStream {
  const { metrics } = plan
  const windowMs = plan.windowSeconds * 1000
  const ratios = ratiosOf(metrics).map((ratio) => ({ ...ratio, usual: baseline() }))
  const out = new Float64Array(metrics.length * perMetric.length + ratios.length * 2)
  let capacity = CAPACITY
  let times = new Float64Array(0)
  let head = 0
  let samples = 0
  let before = NaN
  const columns = metrics.map(
    (): Column => ({
      values: times,
      missing: new Uint8Array(0),
      missingCount: 0,
      statistics: slidingStatistics(times),
      compressed: moments(),
      usual: baseline(),
      usualSpread: baseline(),
      last: NaN,
      lastAt: -Infinity,
    }),
  )
  makeRoom()

  /** Room for `capacity` samples, with the oldest at place 0. Thousands of streams want few blocks each. */
  function makeRoom(): void {
    const numbers = new Float64Array(capacity * (1 + 2 * metrics.length))
    const flags = new Uint8Array(capacity * metrics.length)
    const part = (i: number) => numbers.subarray(i * capacity, (i + 1) * capacity)
    const moved = <T extends Float64Array | Uint8Array>(old: T, fresh: T): T => {
      for (let i = 0; i < samples; i++) fresh[i] = old[(head + i) % old.length]
      return fresh
    }
    times = moved(times, part(0))
    for (const [m, column] of columns.entries()) {
      const { sorted } = column.statistics
      column.values = moved(column.values, part(1 + 2 * m))
      column.missing = moved(column.missing, flags.subarray(m * capacity, (m + 1) * capacity))
      column.statistics.sorted = part(2 + 2 * m)
      column.statistics.sorted.set(sorted)
    }
    head = 0
  }

  function expire(until: Millis): void {
    while (samples > 0 && (times[head] <= until || samples === WINDOW_SAMPLES_MAX)) {
      for (const column of columns) {
        const value = column.values[head]
        if (!Number.isNaN(value)) {
          takeValue(column.statistics, value)
          takeMoment(column.compressed, Math.asinh(value), column.statistics.sorted, Math.asinh)
        }
        column.missingCount -= column.missing[head]
      }
      head = (head + 1) % capacity
      samples--
    }
  }

  function push(at: Millis, values: ArrayLike<number>): Float64Array {
    expire(at - windowMs)
    if (samples === capacity) {
      capacity *= 2
      makeRoom()
    }
    const place = (head + samples) % capacity
    const share = Number.isNaN(before) ? 1 : 1 - Math.exp(-(at - before) / (plan.usualSeconds * 1000))
    before = at
    times[place] = at
    samples++
    for (const [m, column] of columns.entries()) {
      take(column, place, at, values[m], windowMs)
      describe(column, place, samples, share, out, m * perMetric.length)
    }
    for (const [i, { over, under, usual }] of ratios.entries()) {
      const packets = columns[under].values[place]
      const ratio = packets > 0 ? columns[over].values[place] / packets : NaN
      out[metrics.length * perMetric.length + i * 2] = ratio
      out[metrics.length * perMetric.length + i * 2 + 1] = usual.count === 0 ? NaN : usual.mean
      const filled = columns[over].missing[place] + columns[under].missing[place] > 0
      if (!filled && !Number.isNaN(ratio)) learnUsual(usual, Math.asinh(ratio), share, noiseAt(usual.mean))
    }
    return out
  }

  return {
    push,
    get samples() {
      return samples
    },
  }
}

/** [rows, features] of a whole history, as a stream gives them. */
export function featuresOf(history: History, plan: FeaturePlan): Float64Array {
  const stream = createFeatureStream(plan)
  const places = plan.metrics.map((metric) => history.metrics.indexOf(metric))
  const width = featureNames(plan).length
  const all = new Float64Array(history.at.length * width)
  const values = new Float64Array(places.length)
  for (let row = 0; row < history.at.length; row++) {
    const sent = rowOf(history, row)
    for (const [m, place] of places.entries()) values[m] = place < 0 ? NaN : sent[place]
    all.set(stream.push(history.at[row], values), row * width)
  }
  return all
}

/** Puts the metric's value of a new sample into the window, or what fills its place. */
function take(column: Column, place: number, at: Millis, sent: number, windowMs: Millis): void {
  const lacks = Math.abs(sent) <= VALUE_MAX ? 0 : 1
  column.missing[place] = lacks
  column.missingCount += lacks
  if (lacks === 0) {
    column.last = sent
    column.lastAt = at
  }
  const filled = column.lastAt > at - windowMs ? column.last : NaN
  column.values[place] = filled
  if (Number.isNaN(filled)) return
  addValue(column.statistics, filled)
  addMoment(column.compressed, Math.asinh(filled))
}

function describe(
  column: Column,
  place: number,
  samples: number,
  share: number,
  out: Float64Array,
  from: number,
): void {
  const { statistics, compressed, usual, usualSpread } = column
  const value = column.values[place]
  out[from] = value
  out[from + 1] = statistics.count === 0 ? NaN : statistics.mean
  out[from + 2] = deviationOf(statistics)
  out[from + 3] = quantileOf(statistics, 0)
  out[from + 4] = quantileOf(statistics, 1)
  out[from + 5] = quantileOf(statistics, 0.75)
  out[from + 6] = column.missingCount / samples
  out[from + 7] = usual.count === 0 ? NaN : usual.mean
  out[from + 8] = NaN
  out[from + 9] = NaN
  if (Number.isNaN(value)) return
  const y = Math.asinh(value)
  if (usual.count > 0) {
    const scale = Math.max(noiseAt(usual.mean), Math.sqrt(usual.variance))
    out[from + 8] = clip((y - usual.mean) / scale, DEVIATION_MAX)
  }
  const std = deviationOf(compressed)
  if (usualSpread.count > 0 && !Number.isNaN(std)) {
    const u = usualSpread.mean
    out[from + 9] = u > 0 ? clip(Math.log((std + 0.01 * u) / (1.01 * u)), SPREAD_MAX) : 0
  }
  // A value that only fills a gap does not update the mean.
  if (column.missing[place] === 1) return
  if (!Number.isNaN(std)) learnUsual(usualSpread, std, share, noiseAt(usual.mean))
  learnUsual(usual, y, share, noiseAt(usual.mean))
}

function noiseAt(y: number): number {
  return Math.max(NOISE_LEAST, NOISE * Math.abs(Math.tanh(y)))
}

function clip(x: number, most: number): number {
  return Math.max(-most, Math.min(most, x))
}

/** The ratios that the metrics allow, with the places of their two columns. */
function ratiosOf(metrics: readonly string[]): { name: string; over: number; under: number }[] {
  return RATIOS.map(({ name, over, under }) => ({
    name,
    over: metrics.indexOf(over),
    under: metrics.indexOf(under),
  })).filter(({ over, under }) => over >= 0 && under >= 0)
}
