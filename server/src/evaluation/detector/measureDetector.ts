/**
 * The evaluation of a detector: how well it ranks (ROC AUC), what it finds and how many false alerts it raises at its
 * threshold, for all faults and for each kind; and beside it what the controls do. Intervals resample whole nodes,
 * for the rows of one resemble each other.
 */
import type { Estimate, Evaluation } from '../../domain/version.ts'
import { type Random, seededRandom } from '../../math/random.ts'
import { ANOMALY, type LabelledHistory, NORMAL } from '../../models/telemetry/history.ts'
import type { Predictions } from '../../stats/probabilities.ts'
import { curvesOf, meanArea } from '../../stats/rocAuc.ts'
import { evaluate, interval } from '../evaluate.ts'
import { plainZ, randomScores, rangeExceedance, usualDeviation } from './controls.ts'
import { type AlertCounts, countAlerts, detection, pooled, type ScoredSeries } from './detection.ts'

const RESAMPLES = 500

export interface MeasureDetector {
  /** For instance `unseen machines`. */
  readonly name: string
  /** Scores are probabilities of an anomaly. */
  readonly series: readonly ScoredSeries[]
  readonly threshold: number
  readonly seed: number
}

export function measureDetector({ name, series, threshold, seed }: MeasureDetector): Evaluation[] {
  const random = seededRandom(seed)
  const counted = countedRows(series)
  const whole = evaluate(name, predictionsOf(counted), { random, resamples: RESAMPLES, groups: counted.series })
  const all = { ...whole, metrics: { ...whole.metrics, ...alertMetrics(series, threshold, random) } }
  const kinds = (series[0]?.history.kinds ?? []).map((kind, k) =>
    ofKind(`${name}: ${kind}`, series, threshold, k, random),
  )
  const falseRate = detection(series, threshold).falseAlertsPerNodeWeek
  return [all, ...kinds.filter(({ metrics }) => 'rocAuc' in metrics), ...controls(name, series, falseRate, random)]
}

/** One kind of fault against all normal rows. */
function ofKind(
  name: string,
  series: readonly ScoredSeries[],
  threshold: number,
  kind: number,
  random: Random,
): Evaluation {
  const counted = countedRows(series, kind)
  return {
    name,
    rows: counted.scores.length,
    metrics: {
      ...aucMetric(counted, random),
      ...chosen(alertMetrics(series, threshold, random, kind), ['eventRecall', 'delaySeconds']),
    },
  }
}

/**
 * What needs no model, each at the threshold at which it raises as many false alerts as the model: which events it finds
 * then is what can be compared.
 */
function controls(
  name: string,
  series: readonly ScoredSeries[],
  falseAlertsPerNodeWeek: number,
  random: Random,
): Evaluation[] {
  const makers: Readonly<Record<string, (history: LabelledHistory) => Float64Array>> = {
    random: (history) => randomScores(history, random),
    'range exceedance': rangeExceedance,
    'plain z-score': plainZ,
    'deviation from usual': usualDeviation,
  }
  return Object.entries(makers).map(([control, make]) => {
    const scored = series.map(({ history, from }) => ({ history, from, scores: make(history) }))
    const counted = countedRows(scored)
    const threshold = thresholdAt(scored, falseAlertsPerNodeWeek)
    return {
      name: `${name}, control: ${control}`,
      rows: counted.scores.length,
      metrics: {
        ...aucMetric(counted, random),
        ...chosen(alertMetrics(scored, threshold, random), ['eventRecall', 'falseAlertsPerNodeWeek']),
      },
    }
  })
}

/** The lowest threshold, among 1,000 quantiles of the scores up to 1 − 10⁻⁶, with no more false alerts than that. */
function thresholdAt(series: readonly ScoredSeries[], falseAlertsPerNodeWeek: number): number {
  const sorted = Float64Array.from(countedRows(series).scores).sort()
  let low = 0
  let high = 1000
  // At 1,000 lies what is higher than every score: it never alerts.
  const at = (step: number) =>
    step === 1000 ? Infinity : sorted[Math.floor((1 - 10 ** (-6 * (step / 1000))) * sorted.length)]
  while (low < high) {
    const middle = (low + high) >> 1
    if (detection(series, at(middle)).falseAlertsPerNodeWeek <= falseAlertsPerNodeWeek) high = middle
    else low = middle + 1
  }
  return at(high)
}

interface Counted {
  readonly scores: Float64Array
  readonly positive: Uint8Array
  /** [rows] the series of each */
  readonly series: Uint32Array
}

/** The rows that count: known labels, after the start; of anomalies those of one kind, or all. */
function countedRows(series: readonly ScoredSeries[], kind?: number): Counted {
  const scores: number[] = []
  const positive: number[] = []
  const owner: number[] = []
  for (const [s, one] of series.entries()) {
    const { label, kind: kinds } = one.history
    for (let row = one.from; row < label.length; row++) {
      const counts =
        label[row] === NORMAL || (label[row] === ANOMALY && (kind === undefined || kinds[row] === kind + 1))
      if (!counts || Number.isNaN(one.scores[row])) continue
      scores.push(one.scores[row])
      positive.push(label[row])
      owner.push(s)
    }
  }
  return {
    scores: Float64Array.from(scores),
    positive: Uint8Array.from(positive),
    series: Uint32Array.from(owner),
  }
}

/** As if of a classifier: only the order of the scores counts, where they are no probabilities. */
function predictionsOf({ scores, positive }: Counted): Predictions {
  const probabilities = new Float64Array(scores.length * 2)
  for (const [row, score] of scores.entries()) {
    probabilities[row * 2] = 1 - score
    probabilities[row * 2 + 1] = score
  }
  return { labels: 2, actual: positive, probabilities }
}

/** ROC AUC; nothing where a class is absent. */
function aucMetric(counted: Counted, random: Random): Record<string, Estimate> {
  const curves = curvesOf(predictionsOf(counted)) ?? []
  const { series } = counted
  const times = new Uint16Array(series.reduce((most, s) => Math.max(most, s + 1), 0)).fill(1)
  const weights = new Uint16Array(series.length)
  const area = () =>
    meanArea(
      curves,
      weights.map((_, row) => times[series[row]]),
    )
  const value = area()
  if (Number.isNaN(value)) return {}
  const resampled = Array.from({ length: RESAMPLES / 5 }, () => {
    times.fill(0)
    for (let i = 0; i < times.length; i++) times[Math.floor(random() * times.length)]++
    return area()
  })
  return { rocAuc: { value, ...interval(resampled, value) } }
}

function alertMetrics(
  series: readonly ScoredSeries[],
  threshold: number,
  random: Random,
  kind?: number,
): Record<string, Estimate> {
  const counts = series.map((one) => countAlerts(one, threshold, kind))
  const resampled = Array.from({ length: RESAMPLES }, () =>
    pooled(counts.map((): AlertCounts => counts[Math.floor(random() * counts.length)])),
  )
  const found = pooled(counts)
  const estimate = (name: 'eventRecall' | 'falseAlertsPerNodeWeek' | 'delaySeconds') =>
    Number.isFinite(found[name])
      ? {
          [name]: {
            value: found[name],
            ...interval(
              resampled.map((each) => each[name]),
              found[name],
            ),
          },
        }
      : {}
  return { ...estimate('eventRecall'), ...estimate('falseAlertsPerNodeWeek'), ...estimate('delaySeconds') }
}

function chosen(metrics: Record<string, Estimate>, names: readonly string[]): Record<string, Estimate> {
  return Object.fromEntries(Object.entries(metrics).filter(([name]) => names.includes(name)))
}
