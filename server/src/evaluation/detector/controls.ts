/**
 * What any detector must beat: causal scores that take ten lines. Each is the most that any metric of a row says;
 * a missing value says nothing.
 */
import type { Random } from '../../math/random.ts'
import { createFeatureStream, featureNames, featurePlan } from '../../models/telemetry/features.ts'
import { type History, rowOf } from '../../models/telemetry/history.ts'

/** [rows] uniform numbers. */
export function randomScores({ at }: History, random: Random): Float64Array {
  return Float64Array.from(at, () => random())
}

/** [rows] how far a value lies beyond all earlier ones, in their range: max(x − max, min − x, 0) / (max − min). */
export function rangeExceedance(history: History): Float64Array {
  const width = history.metrics.length
  const low = new Float64Array(width).fill(Infinity)
  const high = new Float64Array(width).fill(-Infinity)
  return scoreRows(history, (x, m) => {
    const beyond = Math.max(x - high[m], low[m] - x, 0)
    const range = high[m] - low[m]
    low[m] = Math.min(low[m], x)
    high[m] = Math.max(high[m], x)
    return range > 0 ? beyond / range : 0
  })
}

/** [rows] |x − mean| / std of all earlier values of the metric. */
export function plainZ(history: History): Float64Array {
  const width = history.metrics.length
  const count = new Float64Array(width)
  const mean = new Float64Array(width)
  const m2 = new Float64Array(width)
  return scoreRows(history, (x, m) => {
    const std = Math.sqrt(m2[m] / (count[m] - 1))
    const d = x - mean[m]
    count[m]++
    mean[m] += d / count[m]
    m2[m] += d * (x - mean[m])
    return std > 0 ? Math.abs(d) / std : 0
  })
}

/** [rows] the largest |deviation| from what is usual for the node: the detector's own best feature, alone. */
export function usualDeviation(history: History): Float64Array {
  const plan = { ...featurePlan, metrics: history.metrics }
  const stream = createFeatureStream(plan)
  const places = featureNames(plan).flatMap((name, f) => (name.endsWith('_deviation') ? [f] : []))
  return Float64Array.from(history.at, (at, row) => {
    const features = stream.push(at, rowOf(history, row))
    return places.reduce((most, f) => Math.max(most, Math.abs(features[f]) || 0), 0)
  })
}

function scoreRows(history: History, score: (x: number, metric: number) => number): Float64Array {
  const scores = new Float64Array(history.at.length)
  for (let row = 0; row < scores.length; row++) {
    const values = rowOf(history, row)
    for (let m = 0; m < values.length; m++)
      if (!Number.isNaN(values[m])) scores[row] = Math.max(scores[row], score(values[m], m))
  }
  return scores
}
