/** Histories, real or generated, as rows to learn from, to choose by and to measure on. */
import { createHash } from 'node:crypto'
import { Fault } from '../../../domain/faults.ts'
import type { DataSource } from '../../../domain/version.ts'
import { seededRandom } from '../../../math/random.ts'
import { type FeaturePlan, featureNames } from '../../../models/telemetry/features.ts'
import { type GeneratedMetric, generatedMetrics, generateHistory } from '../../../models/telemetry/generateHistory.ts'
import {
  ANOMALY,
  type History,
  intervalOf,
  type LabelledHistory,
  NORMAL,
  withMetrics,
} from '../../../models/telemetry/history.ts'
import { injectFaults } from '../../../models/telemetry/injectFaults.ts'
import { type LstmRecipe, METRICS_MAX, planOf } from '../../../models/telemetry/recipe.ts'
import { splitHistories } from '../../../models/telemetry/split.ts'

export interface TelemetryData {
  readonly histories: readonly LabelledHistory[]
  /** Whether their labels name any anomaly. */
  readonly labelled: boolean
  readonly sha256: string
  readonly sources: readonly DataSource[]
}

export interface TelemetryParts {
  readonly plan: FeaturePlan
  readonly learn: readonly LabelledHistory[]
  readonly choose: readonly LabelledHistory[]
  readonly measure: readonly LabelledHistory[]
  /** What the measurement is called. */
  readonly name: string
  /** Anomalous rows where it is measured, over those where it is chosen: other rates of injected faults. */
  readonly prevalenceRatio: number
  readonly intervalSeconds: number
  readonly sha256: string
  readonly sources: readonly DataSource[]
}

/** @param data null: machines are generated */
export async function prepareTelemetry(
  data: TelemetryData | null,
  recipe: LstmRecipe,
  seed: number,
  signal: AbortSignal,
): Promise<TelemetryParts> {
  return data === null ? generateParts(recipe, seed, signal) : splitParts(data, recipe, seed)
}

/** 2024-01-01, a Monday: the machines begin on different days after it. */
const START_MS = 1_704_067_200_000
const DAY_MS = 86_400_000

/** Machines that learn, choose and measure differ in character, in time, and in the seed of their faults. */
async function generateParts(recipe: LstmRecipe, seed: number, signal: AbortSignal): Promise<TelemetryParts> {
  const plan = planOf(recipe, null)
  const { metrics } = plan
  const isGenerated = (metric: string): metric is GeneratedMetric =>
    (generatedMetrics as readonly string[]).includes(metric)
  if (!metrics.every(isGenerated))
    throw new Fault('data_broken', {
      say: `Generated machines report ${generatedMetrics.join(', ')}; asked for were ${metrics.join(', ')}.`,
    })
  const random = seededRandom(seed)
  const make = async (prefix: string, count: number, days: number, perDay: number) => {
    const made: LabelledHistory[] = []
    for (let i = 0; i < count; i++) {
      await new Promise(setImmediate)
      signal.throwIfAborted()
      const history = generateHistory({
        node: `${prefix}-${i + 1}`,
        seed: Math.floor(random() * 2 ** 32),
        startAt: START_MS + Math.floor(random() * 365) * DAY_MS,
        rows: Math.round((days * 86_400) / recipe.intervalSeconds),
        intervalSeconds: recipe.intervalSeconds,
        metrics,
      })
      made.push(withFaults(history, recipe, perDay, Math.floor(random() * 2 ** 32)))
    }
    return made
  }
  const others = Math.max(2, Math.ceil(recipe.machines / 4))
  const learn = await make('learn', recipe.machines, recipe.days, recipe.faultsPerDay)
  const choose = await make('choose', others, recipe.daysMeasured, recipe.faultsPerDayMeasured)
  const measure = await make('measure', others, recipe.daysMeasured, recipe.faultsPerDayMeasured)
  const rows = learn.reduce((sum, { at }) => sum + at.length, 0)
  return {
    plan,
    learn,
    choose,
    measure,
    name: 'unseen machines',
    prevalenceRatio: 1,
    intervalSeconds: recipe.intervalSeconds,
    sha256: createHash('sha256')
      .update(JSON.stringify(['generated', recipe, seed]))
      .digest('hex'),
    sources: [{ name: 'generated machines with injected faults', rows, terms: 'made by Barometer' }],
  }
}

function splitParts(data: TelemetryData, recipe: LstmRecipe, seed: number): TelemetryParts {
  const { labelled } = data
  const plan = planFor(data, recipe)
  const histories = data.histories.map((history) => withMetrics(history, plan.metrics))
  const random = seededRandom(seed)
  const { learn, choose, measure, by } = splitHistories(histories, recipe.length, random)
  const ready = (part: readonly LabelledHistory[], perDay: number) =>
    part
      .filter(({ at }) => at.length >= 2 * recipe.length)
      .map((one) => (labelled ? one : withFaults(one, recipe, perDay, Math.floor(random() * 2 ** 32))))
  const parts = {
    learn: ready(learn, recipe.faultsPerDay),
    choose: ready(choose, recipe.faultsPerDay),
    measure: ready(measure, recipe.faultsPerDayMeasured),
  }
  for (const [part, list] of Object.entries(parts)) {
    const anomalous = list.some(({ label }) => label.includes(ANOMALY))
    const normal = list.some(({ label }) => label.includes(NORMAL))
    if (!anomalous || !normal) throw tooFew(part, labelled)
  }
  const intervals = histories.map((one) => intervalOf(one) / 1000).sort((a, b) => a - b)
  return {
    ...parts,
    plan,
    name: by === 'time' ? 'later time, same machines' : 'unseen machines',
    prevalenceRatio: labelled ? 1 : recipe.faultsPerDayMeasured / recipe.faultsPerDay,
    intervalSeconds: intervals[intervals.length >> 1],
    sha256: data.sha256,
    sources: data.sources,
  }
}

/** Refuses, before any work, data that no detector can be trained on. */
function planFor({ histories }: TelemetryData, recipe: LstmRecipe): FeaturePlan {
  const present = [...new Set(histories.flatMap(({ metrics }) => metrics))]
  const plan = planOf(recipe, present)
  const { metrics } = plan
  const refuse = (say: string) => new Fault('data_broken', { say })
  const shown = present.slice(0, 20).join(', ')
  if (!metrics.some((metric) => present.includes(metric)))
    throw refuse(`The samples have none of the metrics ${metrics.join(', ')}; they have ${shown || 'none at all'}.`)
  if (metrics.length > METRICS_MAX)
    throw refuse(`The samples have ${metrics.length} metrics; name at most ${METRICS_MAX} of them: ${shown} …`)
  const bytes = 4 * featureNames(plan).length * histories.reduce((sum, { at }) => sum + at.length, 0)
  if (bytes > FEATURE_BYTES_MAX)
    throw refuse(
      `The features of so many samples would take ${(bytes / 2 ** 30).toFixed(1)} GB. Name fewer metrics, or give fewer days.`,
    )
  return plan
}

/** All features of all rows are in memory while it learns. */
const FEATURE_BYTES_MAX = 2 * 2 ** 30

function withFaults(history: History, recipe: LstmRecipe, perDay: number, seed: number): LabelledHistory {
  return injectFaults(history, { seed, perDay, afterSeconds: recipe.windowSeconds }).history
}

function tooFew(part: string, labelled: boolean): Fault {
  const what = labelled
    ? 'no anomaly, or nothing else. Label more, or leave the labels out: then faults are injected.'
    : 'too few samples for a single fault. Give more history, or learn from generated machines.'
  return new Fault('data_broken', { say: `The part of the samples to ${part} has ${what}` })
}
