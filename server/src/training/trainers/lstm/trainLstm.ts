/**
 * Telemetry → an LSTM anomaly detector that proves itself: learnt on some machines, chosen and calibrated on others,
 * measured on others again, in the very form in which it serves.
 *
 * What it learns from, in this order: the labels of the histories, where they have any; else faults that are injected
 * into them; and where there are no histories, into those of generated machines.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Evaluation } from '../../../domain/version.ts'
import { adamWDefaults } from '../../../engine/fit/adamw.ts'
import { type Examples as FitExamples, floats } from '../../../engine/fit/examples.ts'
import { type Fitted, fit } from '../../../engine/fit/fit.ts'
import { lstmClassifier, lstmNames } from '../../../engine/nn/lstm.ts'
import { recurrentNames } from '../../../engine/nn/recurrent.ts'
import { encodeModel } from '../../../engine/onnx/encode.ts'
import { openLstm } from '../../../engine/serve/lstmDetector.ts'
import { type LstmWeights, lstmStepModel, lstmWindowModel } from '../../../engine/serve/lstmModel.ts'
import { measureDetector } from '../../../evaluation/detector/measureDetector.ts'
import { seededRandom } from '../../../math/random.ts'
import type { Detector, NodeSample } from '../../../models/telemetry/detector.ts'
import { type DetectorForm, writeDetectorForm } from '../../../models/telemetry/detectorForm.ts'
import {
  drawExamples,
  type Example,
  findExamples,
  GAP_INTERVALS,
  priorShift,
} from '../../../models/telemetry/examples.ts'
import { featureNames, featuresOf } from '../../../models/telemetry/features.ts'
import { ANOMALY, intervalOf, type LabelledHistory, rowOf, UNKNOWN } from '../../../models/telemetry/history.ts'
import { anomalyLabels, type LstmRecipe } from '../../../models/telemetry/recipe.ts'
import { fitScaler, type Scaler, scaleInto } from '../../../models/telemetry/scaler.ts'
import { fitPlatt, type Platt } from '../../../stats/platt.ts'
import { rocAuc } from '../../../stats/rocAuc.ts'
import { type Artifact, makeArtifact } from '../../../versions/artifacts/artifact.ts'
import type { Trained, TrainerNeeds } from '../trainer.ts'
import { prepareTelemetry, type TelemetryData, type TelemetryParts } from './telemetryParts.ts'

export interface TrainLstm {
  readonly model: string
  readonly task: string
  /** What `readSamples` gives; null: machines are generated. */
  readonly data: TelemetryData | null
  readonly recipe: LstmRecipe
  readonly seed: number
  readonly threads: number
  /** The version of Barometer. */
  readonly engine: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
}

export async function trainLstm(asked: TrainLstm, needs: TrainerNeeds): Promise<Trained> {
  const { recipe, seed } = asked
  const { onEvent, signal } = needs
  onEvent({ kind: 'phase', name: 'features' })
  const parts = await prepareTelemetry(asked.data, recipe, seed, signal)
  const { prepared, scaler } = await prepareFeatures(parts, signal)
  onEvent({ kind: 'phase', name: 'fitting' })
  const fitted = await fitLstm(asked, prepared, scaler, needs)
  const raw = weightsOf(fitted, recipe, scaler)
  const form = formOf(recipe, scaler, parts)

  onEvent({ kind: 'phase', name: 'calibrating' })
  const chosen = await scoreAll(raw, form, parts.choose, signal)
  const known = countedLogits(chosen)
  const weights = calibrated(raw, inTheWorld(fitPlatt(known.logits, known.positive), known.positive, parts))

  onEvent({ kind: 'phase', name: 'measuring' })
  const measured = await scoreAll(weights, form, parts.measure, signal)
  const evaluations = measureDetector({
    name: parts.name,
    series: measured.map(({ history, logits, from }) => ({ history, from, scores: logits.map(sigmoid) })),
    threshold: form.threshold,
    seed,
  })
  const artifact = makeLstmArtifact(asked, parts, { weights, form, evaluations, rows: known.logits.length })
  return {
    artifact,
    evaluations,
    facts: {
      machines: parts.learn.length + parts.choose.length + parts.measure.length,
      rows: rowsOf(parts.learn),
      features: scaler.features.length,
      epochs: fitted.epochs,
      steps: fitted.steps,
      parameters: countWeights(weights),
    },
  }
}

interface Series {
  readonly history: LabelledHistory
  /** [rows, features] */
  readonly features: Float32Array
}

interface Prepared {
  readonly learn: readonly Series[]
  readonly choose: readonly Series[]
}

/** Features of the training and selection rows; the scaler is fitted on the former only. */
async function prepareFeatures(
  parts: TelemetryParts,
  signal: AbortSignal,
): Promise<{ prepared: Prepared; scaler: Scaler }> {
  const { plan } = parts
  const raws: Float64Array[] = []
  for (const history of parts.learn) raws.push(await breathing(signal, () => featuresOf(history, plan)))
  const scaler = fitScaler(featureNames(plan), raws)
  const scaled = (raw: Float64Array): Float32Array => {
    const out = new Float32Array(raw.length)
    scaleInto(scaler, raw, out)
    return out
  }
  const learn = parts.learn.map((history, i) => ({ history, features: scaled(raws[i]) }))
  const choose: Series[] = []
  for (const history of parts.choose)
    choose.push(await breathing(signal, () => ({ history, features: scaled(featuresOf(history, plan)) })))
  return { prepared: { learn, choose }, scaler }
}

/** Windows of validation: as many as half an epoch has, drawn once. */
const HELD_SHARE = 0.5

async function fitLstm(asked: TrainLstm, prepared: Prepared, scaler: Scaler, needs: TrainerNeeds): Promise<Fitted> {
  const { recipe, seed, threads } = asked
  const { learn, choose } = prepared
  const gapMs = GAP_INTERVALS * intervalOf(learn[0].history)
  const found = findExamples(
    learn.map(({ history }) => history),
    recipe.length,
    gapMs,
  )
  const bucket = { rows: recipe.batch, length: recipe.length }
  const width = scaler.features.length
  const windows = Math.ceil(recipe.windows / recipe.batch) * recipe.batch
  const held = heldWindows(choose, recipe, gapMs, Math.ceil(windows * HELD_SHARE), seed)
  return fit(
    lstmClassifier(
      { features: width, units: recipe.hidden, layers: LAYERS, hidden: recipe.head, dropout: 0 },
      { seed },
    ),
    {
      count: windows,
      length: () => recipe.length,
      // Which windows an epoch holds is drawn as they are needed: no two epochs are alike.
      fill: (rows, _, feeds, random) =>
        fillWindows(
          learn,
          drawExamples(found, rows.length, recipe.anomalousShare, random),
          recipe.length,
          width,
          feeds,
        ),
    },
    held === null
      ? null
      : {
          examples: {
            count: held.length,
            length: () => recipe.length,
            fill: (rows, _, feeds) =>
              fillWindows(
                choose,
                Array.from(rows, (row) => held[row]),
                recipe.length,
                width,
                feeds,
              ),
          },
          buckets: [bucket],
          measure: (logits) => windowMetrics(logits, held),
        },
    {
      seed,
      epochs: recipe.epochs,
      buckets: [bucket],
      accumulate: 1,
      learningRate: recipe.learningRate,
      schedule: { kind: 'constant', warmUpShare: 0, floor: 0 },
      adamw: { ...adamWDefaults, decay: 0 },
      clip: Infinity,
      earlyStopping: recipe.earlyStopping,
      watch: { metric: 'loss', better: 'lower' },
      threads,
      // Its operators are too small to be shared out to threads; the rows of a batch are not.
      ...(recipe.batch % threads === 0 ? { rowThreads: threads } : {}),
      checkpointSeconds: 30,
      identity: createHash('sha256')
        .update(JSON.stringify([recipe, scaler]))
        .digest('hex'),
    },
    needs,
  )
}

function heldWindows(
  choose: readonly Series[],
  recipe: LstmRecipe,
  gapMs: number,
  count: number,
  seed: number,
): readonly Example[] | null {
  const found = findExamples(
    choose.map(({ history }) => history),
    recipe.length,
    gapMs,
  )
  if (found.normal.length === 0 || found.anomalous.length === 0) return null
  return drawExamples(found, count, recipe.anomalousShare, seededRandom(seed))
}

/** Copies windows into the feeds, one a row; rows that are left over weigh nothing. */
function fillWindows(
  series: readonly Series[],
  examples: readonly Example[],
  length: number,
  width: number,
  feeds: Parameters<FitExamples['fill']>[2],
): void {
  const [windows, targets, weights] = [floats(feeds, 'window'), floats(feeds, 'targets'), floats(feeds, 'row_weights')]
  weights.fill(0)
  for (const [i, { series: s, row, positive }] of examples.entries()) {
    const end = (row + 1) * width
    windows.set(series[s].features.subarray(end - length * width, end), i * length * width)
    targets[i] = positive ? 1 : 0
    weights[i] = 1
  }
}

function windowMetrics(logits: Float32Array, held: readonly Example[]): Record<string, number> {
  const right = held.filter(({ positive }, i) => logits[i] > 0 === positive).length
  const positive = held.map((each) => (each.positive ? 1 : 0))
  return { accuracy: right / held.length, rocAuc: rocAuc(logits, positive) }
}

interface Scored {
  readonly history: LabelledHistory
  /** [rows] NaN before the detector has seen enough */
  readonly logits: Float64Array
  readonly from: number
}

/** Steps all machines side by side through the model as it is served. */
async function scoreAll(
  weights: LstmWeights,
  form: DetectorForm,
  histories: readonly LabelledHistory[],
  signal: AbortSignal,
): Promise<Scored[]> {
  const detector = await openLstm(servedFiles(weights, form), { nodesMax: histories.length })
  try {
    const scored = histories.map((history) => ({
      history,
      logits: new Float64Array(history.at.length).fill(NaN),
      from: form.length,
    }))
    const most = Math.max(...histories.map(({ at }) => at.length))
    for (let row = 0; row < most; row++) {
      if (row % 64 === 0) await new Promise(setImmediate)
      signal.throwIfAborted()
      await scoreRow(detector, scored, row)
    }
    return scored
  } finally {
    await detector.close()
  }
}

async function scoreRow(detector: Detector, scored: readonly Scored[], row: number): Promise<void> {
  const present = scored.filter(({ history }) => row < history.at.length)
  const scores = await detector.step(present.map(({ history }) => sampleOf(history, row)))
  for (const [i, score] of scores.entries()) if (score.kind === 'scored') present[i].logits[row] = score.logit
}

function sampleOf(history: LabelledHistory, row: number): NodeSample {
  const values = rowOf(history, row)
  const metrics: Record<string, number> = {}
  for (const [m, metric] of history.metrics.entries()) metrics[metric] = values[m]
  return { node: history.node, at: history.at[row], metrics }
}

function countedLogits(scored: readonly Scored[]): { logits: Float64Array; positive: Uint8Array } {
  const logits: number[] = []
  const positive: number[] = []
  for (const one of scored)
    for (let row = one.from; row < one.logits.length; row++) {
      const label = one.history.label[row]
      if (label === UNKNOWN || Number.isNaN(one.logits[row])) continue
      logits.push(one.logits[row])
      positive.push(label === ANOMALY ? 1 : 0)
    }
  return { logits: Float64Array.from(logits), positive: Uint8Array.from(positive) }
}

const LAYERS = 2

function weightsOf({ weights }: Fitted, recipe: LstmRecipe, scaler: Scaler): LstmWeights {
  const named = (name: string): Float32Array => {
    const values = weights.get(name)
    assert(values, `no parameter is called ${name}`)
    return values.slice()
  }
  const layers = Array.from({ length: LAYERS }, (_, layer) => {
    const names = recurrentNames(lstmNames.recurrent, layer)
    const stateBias = named(names.stateBias)
    return {
      input: named(names.inputs),
      recurrent: named(names.state),
      bias: named(names.inputBias).map((b, i) => b + stateBias[i]),
    }
  })
  const { hidden, output } = lstmNames
  return {
    features: scaler.features.length,
    hidden: recipe.hidden,
    layers,
    head: {
      width: recipe.head,
      weight: named(`${hidden}.weight`),
      bias: named(`${hidden}.bias`),
      outWeight: named(`${output}.weight`),
      outBias: named(`${output}.bias`),
    },
  }
}

/** Anomalies may be rarer where the detector works than where it was chosen. */
function inTheWorld({ a, b }: Platt, positive: Uint8Array, { prevalenceRatio }: TelemetryParts): Platt {
  const prevalence = positive.reduce((sum, each) => sum + each, 0) / positive.length
  return { a, b: b - priorShift(prevalence, prevalence * prevalenceRatio) }
}

/** The calibration a·z + b becomes part of the last layer, so that whatever runs the model has it. */
function calibrated(weights: LstmWeights, { a, b }: Platt): LstmWeights {
  const { head } = weights
  return {
    ...weights,
    head: { ...head, outWeight: head.outWeight.map((w) => a * w), outBias: head.outBias.map((z) => a * z + b) },
  }
}

function formOf(recipe: LstmRecipe, scaler: Scaler, parts: TelemetryParts): DetectorForm {
  return {
    format: 1,
    plan: parts.plan,
    scaler,
    hidden: recipe.hidden,
    length: recipe.length,
    intervalSeconds: parts.intervalSeconds,
    gapSeconds: GAP_INTERVALS * parts.intervalSeconds,
    threshold: THRESHOLD,
  }
}

/** The reference design's. */
const THRESHOLD = 0.5

function servedFiles(weights: LstmWeights, form: DetectorForm): Record<string, Uint8Array> {
  return {
    'model.onnx': encodeModel(lstmWindowModel(weights)),
    'step.onnx': encodeModel(lstmStepModel(weights)),
    'features.json': new TextEncoder().encode(writeDetectorForm(form)),
  }
}

function makeLstmArtifact(
  asked: TrainLstm,
  parts: TelemetryParts,
  made: {
    readonly weights: LstmWeights
    readonly form: DetectorForm
    readonly evaluations: readonly Evaluation[]
    /** That it was calibrated on. */
    readonly rows: number
  },
): Artifact {
  const { name, ...figures } = asked.recipe
  return makeArtifact(
    {
      format: 1,
      kind: 'lstm',
      model: asked.model,
      task: asked.task,
      labels: anomalyLabels,
      recipe: {
        name,
        parameters: { ...figures, metrics: parts.plan.metrics.join(',') },
      },
      seed: asked.seed,
      data: { rows: rowsOf(parts.learn), sha256: parts.sha256, sources: parts.sources },
      evaluations: made.evaluations,
      // The last layer holds the calibration.
      calibration: { temperature: 1, rows: made.rows, ece: made.evaluations[0].metrics.ece?.value ?? 0 },
      engine: asked.engine,
      createdAt: asked.createdAt,
    },
    servedFiles(made.weights, made.form),
  )
}

const rowsOf = (histories: readonly LabelledHistory[]): number => histories.reduce((sum, { at }) => sum + at.length, 0)

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z))

function countWeights({ layers, head }: LstmWeights): number {
  const parts = [
    ...layers.flatMap(({ input, recurrent, bias }) => [input, recurrent, bias]),
    head.weight,
    head.bias,
    head.outWeight,
    head.outBias,
  ]
  return parts.reduce((sum, part) => sum + part.length, 0)
}

/** Yields to the event loop before a piece of work, so that a stop takes effect. */
async function breathing<T>(signal: AbortSignal, work: () => T): Promise<T> {
  await new Promise(setImmediate)
  signal.throwIfAborted()
  return work()
}
