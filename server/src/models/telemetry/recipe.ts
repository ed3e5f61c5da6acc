/** What the LSTM recipe decides. Pure data: the manifest keeps it. */
import { type FeaturePlan, featurePlan } from './features.ts'
import { generatedMetrics } from './generateHistory.ts'
import { baseMetrics } from './history.ts'

export interface LstmRecipe {
  readonly name: string
  /** Names separated by commas; '': what planOf finds. */
  readonly metrics: string
  readonly windowSeconds: number
  readonly usualSeconds: number
  /** Width of each of the two layers, and of the hidden layer of the head. */
  readonly hidden: number
  readonly head: number
  /** Samples that a window of training holds, and that a node sends before its score counts. */
  readonly length: number
  readonly learningRate: number
  readonly batch: number
  readonly epochs: number
  /** Epochs without a better validation loss after which training stops. */
  readonly earlyStopping: number
  /** Windows drawn anew for each epoch, and the share of them that ends in an anomaly. */
  readonly windows: number
  readonly anomalousShare: number
  /** Faults injected into histories without labels, a day and node: often where they are learnt from, seldom where it counts. */
  readonly faultsPerDay: number
  readonly faultsPerDayMeasured: number
  /** What `generated` means: machines to learn from, a quarter as many each to choose by and to measure on; and their days. */
  readonly machines: number
  readonly days: number
  readonly daysMeasured: number
  readonly intervalSeconds: number
}

/** The figures of the reference design; length, windows and data are ours. */
export const lstmRecipe: LstmRecipe = {
  name: 'lstm',
  metrics: '',
  windowSeconds: featurePlan.windowSeconds,
  usualSeconds: featurePlan.usualSeconds,
  hidden: 64,
  head: 32,
  length: 60,
  learningRate: 1e-3,
  batch: 32,
  epochs: 100,
  earlyStopping: 10,
  windows: 8192,
  anomalousShare: 1 / 3,
  faultsPerDay: 6,
  faultsPerDayMeasured: 1,
  machines: 48,
  days: 3,
  daysMeasured: 7,
  intervalSeconds: 30,
}

export const anomalyLabels = ['normal', 'anomaly'] as const

/** More metrics make more features than a week of history can fit. */
export const METRICS_MAX = 64

/**
 * Of which metrics features are made: those that the recipe names; else of those that the samples have the ones whose
 * meaning is known (bytes, packets, latency, cpu, memory, disk, errors); else all.
 *
 * @param present null where machines are generated: they can report whatever is known
 */
export function planOf(recipe: LstmRecipe, present: readonly string[] | null): FeaturePlan {
  const { windowSeconds, usualSeconds } = recipe
  const named = recipe.metrics.split(',').map((name) => name.trim())
  const known = generatedMetrics.filter((metric) => present?.includes(metric) ?? false)
  const found = known.length > 0 ? known : (present ?? baseMetrics)
  return { metrics: recipe.metrics.trim() === '' ? found : named, windowSeconds, usualSeconds }
}
