/** Rows → a version that proves itself: trained, calibrated, measured, with its frozen reference. */

import { Fault } from '../../domain/faults.ts'
import type { DataSource, Evaluation } from '../../domain/version.ts'
import { isHeldOut } from '../../evaluation/heldOut.ts'
import { makeReference } from '../../evaluation/makeReference.ts'
import { type LabelledText, measure } from '../../evaluation/measure.ts'
import { textKey } from '../../math/hash53.ts'
import { seededRandom } from '../../math/random.ts'
import { recipeParameters } from '../../models/text/recipes.ts'
import type { TextModel } from '../../models/textModel.ts'
import { calibrationError } from '../../stats/probabilities.ts'
import { type Artifact, makeArtifact } from '../../versions/artifacts/artifact.ts'
import { REFERENCE_NAME, referenceBytes } from '../../versions/artifacts/reference.ts'
import type { TrainingPlan } from '../recipes/plans.ts'
import type { TrainingRow } from './linear/corpus.ts'
import { type TrainedLinear, type TrainingProgress, trainLinear } from './linear/trainLinear.ts'

export interface TrainVersion {
  readonly model: string
  readonly task: string
  readonly plan: TrainingPlan
  readonly seed: number
  readonly workers: number
  /** A row's `target` is of the labels in the order of `labels`. */
  readonly rows: readonly (LabelledText & Pick<TrainingRow, 'target'>)[]
  /** Where the rows need not show all of them, nor in which order; those of the rows if absent. */
  readonly labels?: readonly string[]
  readonly data: { readonly sha256: string; readonly sources: readonly DataSource[] }
  /** Rows that are only measured on; training rows with the same text are left out of training. */
  readonly test: { readonly name: string; readonly rows: readonly LabelledText[] } | null
  /** The version of Barometer. */
  readonly engine: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
  readonly onProgress?: (progress: TrainingProgress) => void
  readonly signal?: AbortSignal
}

export interface TrainedVersion {
  readonly artifact: Artifact
  readonly model: TextModel
  readonly trained: TrainedLinear
  readonly evaluations: readonly Evaluation[]
  /** Training rows that were left out, because the test has their text. */
  readonly leftOut: number
}

/** With fewer rows there is nothing to hold out, and so nothing that could be said of the result. */
export const ROWS_MIN = 50

export async function trainVersion(asked: TrainVersion): Promise<TrainedVersion> {
  const { plan, seed, signal, workers, onProgress } = asked
  const { recipe, lexicon } = plan
  const rows = withoutTest(asked)
  const labels = asked.labels ?? labelsOf(rows, plan)
  if (rows.length < ROWS_MIN)
    throw new Fault('data_broken', {
      say: `There are ${rows.length} rows to train on; at least ${ROWS_MIN} are needed.`,
    })
  const sides = rows.map((row) => ({ ...row, heldOut: isHeldOut(row.text, recipe.heldOutShare, `held-out ${seed}`) }))
  const heldOut = sides.filter((row) => row.heldOut)
  if (heldOut.length === 0)
    throw new Fault('data_broken', { say: 'No row fell into the held-out part; there are too few different texts.' })
  const trained = await trainLinear({
    rows: sides.map((row) => ({ ...row, text: plan.learns(row.text) })),
    labels,
    recipe,
    lexicon,
    seed,
    workers,
    ...(onProgress ? { onProgress } : {}),
    ...(signal ? { signal } : {}),
  })
  const model = plan.serves(trained.model)
  const measured = await measure(model, heldOut, { name: 'held-out', seed, ...(signal ? { signal } : {}) })
  const evaluations = [measured.evaluation]
  if (asked.test !== null) {
    const { name, rows: testRows } = asked.test
    evaluations.push((await measure(model, testRows, { name, seed, ...(signal ? { signal } : {}) })).evaluation)
  }
  const reference = makeReference(
    model,
    heldOut.map(({ text }) => text),
    seededRandom(seed),
  )
  const artifact = makeArtifact(
    {
      format: 1,
      kind: plan.kind,
      model: asked.model,
      task: asked.task,
      labels,
      recipe: { name: recipe.name, parameters: { ...recipeParameters(recipe), ...plan.parameters } },
      seed,
      data: { rows: rows.length, ...asked.data },
      evaluations,
      calibration: { ...trained.calibration, ece: calibrationError(measured.predictions).ece },
      engine: asked.engine,
      createdAt: asked.createdAt,
    },
    { ...trained.artifactFiles, [REFERENCE_NAME]: referenceBytes(reference) },
  )
  return { artifact, model, trained, evaluations, leftOut: asked.rows.length - rows.length }
}

/** Rows whose text is measured on are not learned from. */
export function withoutTest<T extends LabelledText>({
  rows,
  test,
}: {
  readonly rows: readonly T[]
  readonly test: TrainVersion['test']
}): readonly T[] {
  if (test === null) return rows
  const measured = new Set(test.rows.map(({ text }) => textKey(text)))
  return rows.filter(({ text }) => !measured.has(textKey(text)))
}

/** Orders in which labels are usually read; any others are sorted. */
const USUAL_ORDERS = [
  ['negative', 'neutral', 'positive'],
  ['info', 'warning', 'critical'],
]

/** The labels of the rows in the order that the model will have them; throws data_broken where they are not those wanted. */
export function labelsOf(rows: readonly LabelledText[], plan: Pick<TrainingPlan, 'labels'>): readonly string[] {
  const labels = [...new Set(rows.map(({ label }) => label))].sort((a, b) => (a < b ? -1 : 1))
  if (labels.length < 2)
    throw new Fault('data_broken', { say: `All rows have the label “${labels[0] ?? ''}”; a task has two at least.` })
  const isOf = (order: readonly string[]) =>
    order.length === labels.length && order.every((label) => labels.includes(label))
  if (plan.labels === null) return USUAL_ORDERS.find(isOf) ?? labels
  if (isOf(plan.labels)) return plan.labels
  throw new Fault('data_broken', {
    say: `This recipe needs exactly the labels ${plan.labels.join(', ')}; the data has ${labels.slice(0, 10).join(', ')}.`,
  })
}
