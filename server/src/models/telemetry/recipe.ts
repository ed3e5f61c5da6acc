/** What the LSTM recipe decides. Pure data: the manifest keeps it. */
import { type FeaturePlan, featurePlan } from './features.ts'

export interface LstmRecipe {
  readonly name: string
  readonly plan: FeaturePlan
  /** Width of each of the two layers, and of the hidden layer of the head. */
  readonly hidden: number
  readonly head: number
  /** Samples that a window of training holds, and that a node sends before its score counts. */
  readonly length: number
  readonly learningRate: number
  readonly batch: number
  readonly epochs: number
  /** Epochs without a better validation loss after which training stops. */
  readonly patience: number
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
  plan: featurePlan,
  hidden: 64,
  head: 32,
  length: 60,
  learningRate: 1e-3,
  batch: 32,
  epochs: 100,
  patience: 10,
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
