/** Everything that is measured about a model on rows that it was not trained on, each with its interval. */
import type { Estimate, Evaluation } from '../domain/version.ts'
import type { Random } from '../math/random.ts'
import { accuracy, confusion, type LabelCounts, labelCounts, macroF1, macroRecall } from '../stats/confusion.ts'
import {
  argmax,
  binOf,
  brier,
  briers,
  CALIBRATION_BINS,
  calibrationError,
  eceOf,
  logLoss,
  logLosses,
  type Predictions,
} from '../stats/probabilities.ts'
import { type Interval, meanInterval, wilson } from '../stats/proportion.ts'
import { curvesOf, macroRocAuc, meanArea } from '../stats/rocAuc.ts'

export interface EvaluateOptions {
  /** For the bootstrap only; the same numbers give the same intervals. */
  readonly random: Random
  readonly resamples?: number
  /**
   * [rows] what each row belongs to, in 0 … groups − 1, where rows come in groups that resemble each other (a device,
   * a system): whole groups are resampled, and the intervals are as wide as they should be. Default: rows stand alone.
   */
  readonly groups?: ArrayLike<number>
}

export const RESAMPLES = 1000
/** Fewer resamples give intervals that jump. */
const RESAMPLES_MIN = 100
/** Row visits that the bootstrap may make (about 2 s): with very many rows or labels there are fewer resamples. */
const VISITS_MAX = 400_000_000
/** Of more labels the one-vs-rest AUC is left out: it costs a sort a label, for a figure of little use. */
const AUC_LABELS_MAX = 50

/**
 * Measures accuracy, macroRecall, macroF1, logLoss, brier, ece and rocAuc, each with its 95 % interval: of the first three
 * by Wilson's for the counts they are made of, of the others by the percentile bootstrap over rows (Efron 1979). A metric that the rows do not define (none, or an absent class for rocAuc, or a
 * NaN among the probabilities) is absent.
 *
 * 1,000 resamples; fewer, but at least 100, where rows × (1 + labels) × resamples would pass 400 million.
 */
export function evaluate(name: string, predictions: Predictions, options: EvaluateOptions): Evaluation {
  const { labels, actual } = predictions
  const matrix = confusion(actual, argmax(predictions), labels)
  const counts = labelCounts(matrix)
  const points: Record<string, number> = {
    accuracy: accuracy(counts),
    macroRecall: macroRecall(counts),
    macroF1: macroF1(counts),
    logLoss: logLoss(predictions),
    brier: brier(predictions),
    ece: calibrationError(predictions).ece,
    rocAuc: labels <= AUC_LABELS_MAX ? macroRocAuc(predictions) : NaN,
  }
  const defined = Object.entries(points).filter(([, value]) => !Number.isNaN(value))
  const resampled = actual.length === 0 ? {} : bootstrap(predictions, options)
  const metrics: Record<string, Estimate> = {}
  for (const [metric, value] of defined) {
    const resamples = interval(resampled[metric] ?? [], value)
    metrics[metric] = { value, ...(countedInterval(metric, value, counts, resamples, options.groups) ?? resamples) }
  }
  return { name, rows: actual.length, metrics, confusion: matrix }
}

/**
 * Where a metric is made of counted rows, its interval is made of Wilson's, which has a width where the bootstrap has none:
 * 23 of 23 are 85.7 % to 100 %. Where rows come in groups the bootstrap over groups stays, unless it has no width; then
 * as many rows as there are groups count.
 *
 * F1 = 2J / (1 + J), J = hits / (actual + predicted − hits) being a share of rows.
 */
function countedInterval(
  metric: string,
  value: number,
  { hits, actual, predicted }: LabelCounts,
  resamples: Interval,
  groups: ArrayLike<number> | undefined,
): Interval | null {
  if (groups !== undefined) {
    const isShare = metric === 'accuracy' || metric === 'macroRecall' || metric === 'macroF1'
    if (!isShare || resamples.low < resamples.high) return null
    const trials = groupCount(groups)
    return wilson(value * trials, trials)
  }
  const labels = Array.from(hits, (_, k) => k)
  switch (metric) {
    case 'accuracy':
      return wilson(sum(hits), sum(actual))
    case 'macroRecall':
      return meanInterval(
        labels
          .filter((k) => actual[k] > 0)
          .map((k) => ({ value: hits[k] / actual[k], interval: wilson(hits[k], actual[k]) })),
      )
    case 'macroF1':
      return meanInterval(
        labels
          .filter((k) => actual[k] + predicted[k] > 0)
          .map((k) => {
            const { low, high } = wilson(hits[k], actual[k] + predicted[k] - hits[k])
            return {
              value: (2 * hits[k]) / (actual[k] + predicted[k]),
              interval: { low: (2 * low) / (1 + low), high: (2 * high) / (1 + high) },
            }
          }),
      )
    default:
      return null
  }
}

function sum(values: ArrayLike<number>): number {
  let total = 0
  for (let k = 0; k < values.length; k++) total += values[k]
  return total
}

/** Of each metric its value in every resample: rows, or groups of rows, drawn with replacement, as many as there are. */
function bootstrap(
  predictions: Predictions,
  { random, resamples = RESAMPLES, groups }: EvaluateOptions,
): Record<string, Float64Array> {
  const { labels, actual } = predictions
  const rows = actual.length
  const affordable = Math.floor(VISITS_MAX / (rows * (1 + labels)))
  const rounds = Math.min(resamples, Math.max(RESAMPLES_MIN, affordable))
  const columns = columnsOf(predictions)
  const curves = labels <= AUC_LABELS_MAX ? curvesOf(predictions) : undefined
  const values = {
    accuracy: new Float64Array(rounds),
    macroRecall: new Float64Array(rounds),
    macroF1: new Float64Array(rounds),
    logLoss: new Float64Array(rounds),
    brier: new Float64Array(rounds),
    ece: new Float64Array(rounds),
    rocAuc: new Float64Array(rounds),
  }
  const weights = new Uint16Array(rows)
  const groupWeights = new Uint16Array(groups === undefined ? 0 : groupCount(groups))
  for (let round = 0; round < rounds; round++) {
    if (groups === undefined) draw(weights, random)
    else {
      draw(groupWeights, random)
      for (let row = 0; row < rows; row++) weights[row] = groupWeights[groups[row]]
    }
    const sums = weigh(columns, weights, labels)
    values.accuracy[round] = accuracy(sums.counts)
    values.macroRecall[round] = macroRecall(sums.counts)
    values.macroF1[round] = macroF1(sums.counts)
    values.logLoss[round] = sums.logLoss / sums.rows
    values.brier[round] = sums.brier / sums.rows
    values.ece[round] = eceOf(sums.binRows, sums.binConfidence, sums.binRight)
    values.rocAuc[round] = curves === undefined ? NaN : meanArea(curves, weights)
  }
  return values
}

/** Draws as many of the items as there are, with replacement: how often each was drawn. */
function draw(counts: Uint16Array, random: Random): void {
  counts.fill(0)
  for (let i = 0; i < counts.length; i++) counts[Math.floor(random() * counts.length)]++
}

function groupCount(groups: ArrayLike<number>): number {
  let most = -1
  for (let row = 0; row < groups.length; row++) most = Math.max(most, groups[row])
  return most + 1
}

/** What of each row does not change between resamples. */
interface Columns {
  readonly actual: Int32Array
  readonly predicted: Int32Array
  /** 1 where predicted = actual. */
  readonly right: Uint8Array
  readonly confidence: Float64Array
  readonly bin: Uint8Array
  readonly logLoss: Float64Array
  readonly brier: Float64Array
}

function columnsOf(predictions: Predictions): Columns {
  const { labels, actual, probabilities } = predictions
  const predicted = argmax(predictions)
  const confidence = Float64Array.from(predicted, (label, row) => probabilities[row * labels + label])
  return {
    actual: Int32Array.from(actual),
    predicted,
    right: Uint8Array.from(predicted, (label, row) => (label === actual[row] ? 1 : 0)),
    confidence,
    bin: Uint8Array.from(confidence, (value) => binOf(value, CALIBRATION_BINS)),
    logLoss: logLosses(predictions),
    brier: briers(predictions),
  }
}

/** The sums of one resample, in one pass over the rows. */
function weigh(columns: Columns, weights: Uint16Array, labels: number) {
  const { actual, predicted, right, confidence, bin } = columns
  const counts: LabelCounts = {
    hits: new Float64Array(labels),
    actual: new Float64Array(labels),
    predicted: new Float64Array(labels),
  }
  const binRows = new Float64Array(CALIBRATION_BINS)
  const binConfidence = new Float64Array(CALIBRATION_BINS)
  const binRight = new Float64Array(CALIBRATION_BINS)
  let rows = 0
  let logLoss = 0
  let brier = 0
  for (let row = 0; row < weights.length; row++) {
    const weight = weights[row]
    const b = bin[row]
    counts.actual[actual[row]] += weight
    counts.predicted[predicted[row]] += weight
    // Without a branch: a guess that misses costs more than the additions of zero.
    const hit = weight * right[row]
    counts.hits[actual[row]] += hit
    binRight[b] += hit
    binRows[b] += weight
    binConfidence[b] += weight * confidence[row]
    rows += weight
    logLoss += weight * columns.logLoss[row]
    brier += weight * columns.brier[row]
  }
  return { rows, counts, logLoss, brier, binRows, binConfidence, binRight }
}

/**
 * The 2.5th and 97.5th percentile, linearly interpolated between order statistics. Resamples that do not define
 * the metric are left out. The interval always holds the estimate itself: of a biased metric (ECE) the percentiles
 * alone may not.
 */
export function interval(values: ArrayLike<number>, value: number): { low: number; high: number } {
  const sorted = Float64Array.from(Array.from(values).filter((each) => !Number.isNaN(each))).sort()
  if (sorted.length === 0) return { low: value, high: value }
  return { low: Math.min(value, percentile(sorted, 0.025)), high: Math.max(value, percentile(sorted, 0.975)) }
}

function percentile(sorted: Float64Array, q: number): number {
  const at = q * (sorted.length - 1)
  const low = Math.floor(at)
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low])
}
