/**
 * Rows and a transformer → a cascade: a linear model is trained on the rows, and from which confidence on it may answer is
 * chosen on rows that neither has learnt from. What that comes to is measured on yet other rows.
 */

import { Fault } from '../../../domain/faults.ts'
import type { DataSource, Evaluation } from '../../../domain/version.ts'
import { evaluate } from '../../../evaluation/evaluate.ts'
import { isHeldOut } from '../../../evaluation/heldOut.ts'
import { referenceOf } from '../../../evaluation/makeReference.ts'
import type { LabelledText } from '../../../evaluation/measure.ts'
import { seededRandom } from '../../../math/random.ts'
import {
  CASCADE_FILE,
  type CascadeForm,
  LINEAR_PREFIX,
  TRANSFORMER_PREFIX,
} from '../../../models/text/cascade/cascadeModel.ts'
import {
  type CascadeRows,
  chooseThreshold,
  type LossAllowed,
  type Threshold,
} from '../../../models/text/cascade/chooseThreshold.ts'
import { MODEL_FILE } from '../../../models/text/linearCodec.ts'
import type { Scored } from '../../../models/textModel.ts'
import { calibrationError, type Predictions } from '../../../stats/probabilities.ts'
import { type Artifact, makeArtifact, wholeFile } from '../../../versions/artifacts/artifact.ts'
import { REFERENCE_NAME, referenceBytes } from '../../../versions/artifacts/reference.ts'
import type { TrainingPlan } from '../../recipes/plans.ts'
import { inOrder, scoreArtifact } from '../scoreArtifact.ts'
import type { Trained, TrainerNeeds } from '../trainer.ts'
import { trainVersion, withoutTest } from '../trainVersion.ts'
import { cascadeCard } from './cascadeCard.ts'

export interface TrainCascade {
  readonly model: string
  readonly task: string
  /** What answers where the linear model is unsure: a version of kind `transformer`. */
  readonly transformer: Artifact
  /** How the linear model is trained. */
  readonly plan: TrainingPlan
  readonly allowed: LossAllowed
  readonly seed: number
  readonly threads: number
  readonly rows: readonly LabelledText[]
  readonly data: { readonly sha256: string; readonly sources: readonly DataSource[] }
  readonly test: { readonly name: string; readonly rows: readonly LabelledText[] } | null
  readonly engine: string
  readonly createdAt: string
}

/** Rows to choose a threshold on, and to measure on. With fewer, a hundredth of them is nothing. */
const ROWS_MIN = 100
/** Where the linear model alone decides what is held out, so many rows are, for both uses together. */
const HELD_OUT_ROWS = 1000
const HELD_OUT_SHARE_MAX = 0.3

export async function trainCascade(asked: TrainCascade, { onEvent, signal }: TrainerNeeds): Promise<Trained> {
  const { transformer, threads, test } = asked
  const { labels } = transformer.manifest
  if (transformer.manifest.kind !== 'transformer')
    throw new Fault('model_unsupported', {
      say: `A cascade needs a transformer behind it; ${transformer.manifest.model} is of kind ${transformer.manifest.kind}.`,
    })
  // Of the same rows both models hold out the same ones only if the same seed chose them.
  const isSameData = transformer.manifest.data.sha256 === asked.data.sha256
  const seed = isSameData ? transformer.manifest.seed : asked.seed
  const rows = withoutTest(asked).filter(({ label }) => labels.includes(label))
  const plan = isSameData ? asked.plan : holdingOut(asked.plan, HELD_OUT_ROWS / rows.length)
  onEvent({ kind: 'phase', name: 'fitting the linear model' })
  const { artifact: linear } = await trainVersion({ ...asked, plan, rows, test: null, seed, workers: threads, signal })
  if ([...linear.manifest.labels].sort().join('\n') !== [...labels].sort().join('\n'))
    throw new Fault('data_broken', {
      say: `The rows have the labels ${linear.manifest.labels.join(', ')}; the transformer has ${labels.join(', ')}.`,
    })

  const unseen = rows.filter(({ text }) => isUnseen(text, { ...asked, plan }, seed, isSameData))
  const chooses = unseen.filter(({ text }) => isHeldOut(text, 0.5, 'cascade'))
  const measures = unseen.filter(({ text }) => !isHeldOut(text, 0.5, 'cascade'))
  if (chooses.length < ROWS_MIN || measures.length < ROWS_MIN)
    throw new Fault('data_broken', {
      say: `Only ${unseen.length} rows were learnt from by neither model; about ${3 * ROWS_MIN} are needed for a threshold.`,
    })
  const both = (some: readonly LabelledText[]) => scoreBoth(some, linear, transformer, { threads, signal })
  onEvent({ kind: 'phase', name: 'choosing the threshold' })
  const threshold = chooseThreshold(rightOf(chooses, await both(chooses), labels), asked.allowed)

  onEvent({ kind: 'phase', name: 'measuring' })
  const held = await both(measures)
  const measured = [measureAll('held-out', measures, held, threshold.threshold, labels, seed)]
  if (test !== null) {
    const known = test.rows.filter(({ label }) => labels.includes(label))
    measured.push(measureAll(test.name, known, await both(known), threshold.threshold, labels, seed))
  }
  const evaluations = measured.flatMap(({ cascade, linear, transformer }) => [cascade, linear, transformer])
  const artifact = await pack(asked, { linear, threshold, measured, evaluations, seed, measures, held, isSameData })
  return {
    artifact,
    evaluations,
    facts: {
      rows: rows.length,
      rowsChosenOn: chooses.length,
      threshold: Number.isFinite(threshold.threshold) ? threshold.threshold : 1,
      linearShare: measured[measured.length - 1].share,
      loss: threshold.loss.loss,
    },
  }
}

/** The plan with at least this share of the rows held out, and never so much that little is left to learn from. */
function holdingOut(plan: TrainingPlan, share: number): TrainingPlan {
  const heldOutShare = Math.max(plan.recipe.heldOutShare, Math.min(share, HELD_OUT_SHARE_MAX))
  return { ...plan, recipe: { ...plan.recipe, heldOutShare } }
}

/** Whether neither model has learnt from a text. For a transformer trained elsewhere this is unknown. */
function isUnseen(text: string, { transformer, plan }: TrainCascade, seed: number, isSameData: boolean): boolean {
  const salt = `held-out ${seed}`
  if (!isHeldOut(text, plan.recipe.heldOutShare, salt)) return false
  const share = transformer.manifest.recipe.parameters['heldOutShare']
  return !isSameData || (typeof share === 'number' && isHeldOut(text, share, salt))
}

/** What each part says of each row, with the labels in the cascade's order. */
interface Both {
  readonly linear: readonly Scored[]
  readonly transformer: readonly Scored[]
}

async function scoreBoth(
  rows: readonly LabelledText[],
  linear: Artifact,
  transformer: Artifact,
  options: { readonly threads: number; readonly signal: AbortSignal },
): Promise<Both> {
  const texts = rows.map(({ text }) => text)
  const { labels } = transformer.manifest
  const quick = await scoreArtifact(linear, texts, options)
  return {
    linear: quick.map((scored) => inOrder(scored, linear.manifest.labels, labels)),
    transformer: await scoreArtifact(transformer, texts, options),
  }
}

function confidenceOf({ label, probabilities }: Scored): number {
  return probabilities[label]
}

function rightOf(rows: readonly LabelledText[], { linear, transformer }: Both, labels: readonly string[]): CascadeRows {
  const right = (scored: readonly Scored[]) => rows.map(({ label }, i) => (labels[scored[i].label] === label ? 1 : 0))
  return { confidence: linear.map(confidenceOf), linearRight: right(linear), transformerRight: right(transformer) }
}

/** On the same rows: the cascade, and each of its parts alone. */
export interface MeasuredCascade {
  readonly cascade: Evaluation
  readonly linear: Evaluation
  readonly transformer: Evaluation
  /** Of the rows that the linear model answered. */
  readonly share: number
  readonly predictions: Predictions
}

function measureAll(
  name: string,
  rows: readonly LabelledText[],
  { linear, transformer }: Both,
  threshold: number,
  labels: readonly string[],
  seed: number,
): MeasuredCascade {
  const actual = rows.map(({ label }) => labels.indexOf(label))
  const answers = linear.map((scored, i) => (confidenceOf(scored) >= threshold ? scored : transformer[i]))
  const predictionsOf = (scored: readonly Scored[]): Predictions => ({
    labels: labels.length,
    actual,
    probabilities: Float64Array.from(scored.flatMap(({ probabilities }) => [...probabilities])),
  })
  const measure = (called: string, predictions: Predictions) =>
    evaluate(called, predictions, { random: seededRandom(seed) })
  const predictions = predictionsOf(answers)
  return {
    cascade: measure(name, predictions),
    linear: measure(`${name}, linear alone`, predictionsOf(linear)),
    transformer: measure(`${name}, transformer alone`, predictionsOf(transformer)),
    share: linear.filter((scored) => confidenceOf(scored) >= threshold).length / Math.max(1, rows.length),
    predictions,
  }
}

interface Packed {
  readonly linear: Artifact
  readonly threshold: Threshold
  readonly measured: readonly MeasuredCascade[]
  readonly evaluations: readonly Evaluation[]
  readonly seed: number
  readonly measures: readonly LabelledText[]
  readonly held: Both
  readonly isSameData: boolean
}

async function pack(asked: TrainCascade, packed: Packed): Promise<Artifact> {
  const { transformer, allowed } = asked
  const { linear, threshold, measured, evaluations, seed, measures, held } = packed
  const { manifest } = transformer
  const from = Number.isFinite(threshold.threshold) ? threshold.threshold : null
  const form: CascadeForm = { format: 1, threshold: from }
  const reference = referenceOf(
    manifest.labels.length,
    measures.map(({ text }) => text),
    (row) => (confidenceOf(held.linear[row]) >= threshold.threshold ? held.linear[row] : held.transformer[row]),
    seededRandom(seed),
  )
  const parts = ['model.onnx', 'tokenizer.json', 'transformer.json']
  const files = await Promise.all(
    parts.map(async (name) => [`${TRANSFORMER_PREFIX}${name}`, await wholeFile(transformer, name)] as const),
  )
  return makeArtifact(
    {
      format: 1,
      kind: 'cascade',
      model: asked.model,
      task: asked.task,
      labels: manifest.labels,
      recipe: {
        name: 'cascade',
        parameters: {
          transformer: `${manifest.model} (${transformer.digest.slice(0, 12)})`,
          linear: linear.manifest.recipe.name,
          allowed: allowed.kind,
          ...(allowed.kind === 'at-most' ? { loss: allowed.loss } : { level: allowed.level }),
          threshold: from ?? 'never',
          linearShare: threshold.share,
        },
      },
      seed,
      data: { rows: asked.rows.length, ...asked.data },
      evaluations,
      // The transformer's, which divides its logits; the linear model's is in its own file.
      calibration: {
        temperature: manifest.calibration.temperature,
        rows: measures.length,
        ece: calibrationError(measured[0].predictions).ece,
      },
      engine: asked.engine,
      createdAt: asked.createdAt,
    },
    {
      [`${LINEAR_PREFIX}${MODEL_FILE}`]: await wholeFile(linear, MODEL_FILE),
      ...Object.fromEntries(files),
      [CASCADE_FILE]: new TextEncoder().encode(`${JSON.stringify(form)}\n`),
      [REFERENCE_NAME]: referenceBytes(reference),
      'card.md': new TextEncoder().encode(cascadeCard(asked, packed)),
    },
  )
}
