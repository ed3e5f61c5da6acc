/**
 * Rows → a transformer that proves itself: from scratch (with a vocabulary of its own, and pre-trained on texts without
 * labels where that is asked) or from the weights of another version; calibrated, measured, with its frozen reference.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { Fault } from '../../../domain/faults.ts'
import type { DataSource } from '../../../domain/version.ts'
import { lengthsOf } from '../../../engine/fit/examples.ts'
import { type Fitted, fit } from '../../../engine/fit/fit.ts'
import { type Distillation, parameterCount } from '../../../engine/nn/encoder.ts'
import { wordPieceTokenizer } from '../../../engine/tokenize/fromVocabulary.ts'
import { readTokenizer, type Tokenizer } from '../../../engine/tokenize/tokenizer.ts'
import { evaluate } from '../../../evaluation/evaluate.ts'
import { isHeldOut } from '../../../evaluation/heldOut.ts'
import { referenceOf } from '../../../evaluation/makeReference.ts'
import type { LabelledText } from '../../../evaluation/measure.ts'
import { seededRandom } from '../../../math/random.ts'
import { softmax } from '../../../math/softmax.ts'
import { type TransformerRecipe, transformerParameters } from '../../../models/text/transformer/recipe.ts'
import { buildVocabulary, specialTokens } from '../../../models/text/wordPiece/buildVocabulary.ts'
import { argmax, calibrationError, type Predictions } from '../../../stats/probabilities.ts'
import { fitTemperature, fitTemperatureTo } from '../../../stats/temperature.ts'
import { makeArtifact } from '../../../versions/artifacts/artifact.ts'
import { REFERENCE_NAME, referenceBytes } from '../../../versions/artifacts/reference.ts'
import type { Trained, TrainerNeeds } from '../trainer.ts'
import { labelsOf, ROWS_MIN, withoutTest } from '../trainVersion.ts'
import { countWords } from './countWords.ts'
import { bucketsFor, fitOptions } from './fitOptions.ts'
import { logitsOf } from './logitsOf.ts'
import { pretrain } from './pretrain.ts'
import { encodeTexts, labelExamples, type TokenTexts } from './textExamples.ts'
import { fromScratch, type TransformerBase } from './transformerBase.ts'

export interface TrainTransformer {
  readonly model: string
  readonly task: string
  readonly recipe: TransformerRecipe
  readonly seed: number
  readonly threads: number
  readonly rows: readonly LabelledText[]
  readonly data: { readonly sha256: string; readonly sources: readonly DataSource[] }
  /** Rows that are only measured on; training rows with the same text are left out of training. */
  readonly test: { readonly name: string; readonly rows: readonly LabelledText[] } | null
  /** What the weights start from (openBase); null for a body of its own, which the recipe's shape describes. */
  readonly base: TransformerBase | null
  /** Texts to pre-train on beside those of the rows. */
  readonly unlabelled: readonly string[]
  /** The teacher, where it is distilled from scratch; absent without one. */
  readonly teacher?: Teacher
  /** The version of Barometer. */
  readonly engine: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
}

/** What another model says of the rows. Hinton, Vinyals & Dean 2015. */
export interface Teacher extends Distillation {
  /** Of the teacher, in the order of its probabilities. */
  readonly labels: readonly string[]
  /** sha256 of its manifest. */
  readonly digest: string
  /** [labels] what it says of the text of any row, at the temperature */
  readonly probabilities: (text: string) => readonly number[]
  /** [labels] the target to calibrate by: the true label, or the teacher's own probabilities. */
  readonly believed: (text: string) => readonly number[]
}

export async function trainTransformer(asked: TrainTransformer, needs: TrainerNeeds): Promise<Trained> {
  const { seed, threads, test } = asked
  const { onEvent, signal } = needs
  check(asked.recipe)
  const rows = withoutTest(asked)
  const labels =
    asked.teacher?.labels ?? (asked.base === null ? labelsOf(rows, { labels: null }) : labelsWithin(rows, asked.base))
  const split = splitRows(rows, asked)
  const base = asked.base ?? (await startFromScratch(asked, labels, split, needs))
  const recipe = { ...asked.recipe, maxLength: Math.min(asked.recipe.maxLength, base.maxLength) }
  const tokenizer = readTokenizer(base.tokenizer, recipe)
  const truth = (some: readonly LabelledText[]) => Int32Array.from(some, ({ label }) => labels.indexOf(label))
  const heldTokens = await encodeTexts(tokenizer, split.heldOut.map(textOf), signal)
  const heldTruth = truth(split.heldOut)

  onEvent({ kind: 'phase', name: 'fitting' })
  const fitted = await fitClassifier(asked, base, recipe, needs, {
    train: await encodeTexts(tokenizer, split.train.map(textOf), signal),
    trainTruth: truth(split.train),
    trainTaught: taughtOf(asked, split.train),
    heldOut: heldTokens,
    heldTruth,
    heldTaught: taughtOf(asked, split.heldOut),
    padId: padOf(tokenizer),
  })

  onEvent({ kind: 'phase', name: 'calibrating' })
  const model = base.withWeights(fitted.weights)
  const serve = { model, inputs: base.inputs, padId: padOf(tokenizer), threads, signal }
  const heldLogits = Float64Array.from(await logitsOf(heldTokens, serve))
  const temperature =
    asked.teacher === undefined
      ? calibrated(heldLogits, heldTruth, labels.length)
      : fitTemperatureTo(heldLogits, believedOf(asked.teacher, split.heldOut), labels.length)
  const held = predictionsOf(heldLogits, heldTruth, labels.length, temperature)
  const evaluations = [evaluate('held-out', held, { random: seededRandom(seed) })]
  if (test !== null) {
    onEvent({ kind: 'phase', name: 'measuring' })
    const known = test.rows.filter(({ label }) => labels.includes(label))
    const tokens = await encodeTexts(tokenizer, known.map(textOf), signal)
    const logits = Float64Array.from(await logitsOf(tokens, serve))
    const predictions = predictionsOf(logits, truth(known), labels.length, temperature)
    evaluations.push(evaluate(test.name, predictions, { random: seededRandom(seed) }))
  }
  const form = {
    family: base.family,
    maxLength: recipe.maxLength,
    padId: padOf(tokenizer),
    inputs: base.inputs,
    precision: 'fp32',
    keep: recipe.keep,
    ...(base.name === null ? {} : { base: base.name }),
  }
  const parameters = parameterCount(base.trainable.parameters)
  const artifact = makeArtifact(
    {
      format: 1,
      kind: 'transformer',
      model: asked.model,
      task: asked.task,
      labels,
      recipe: {
        name: recipe.name,
        parameters: { ...transformerParameters(recipe), ...(base.name === null ? {} : { from: base.name }) },
      },
      seed,
      data: { rows: rows.length, ...asked.data },
      evaluations,
      calibration: { temperature, rows: split.heldOut.length, ece: calibrationError(held).ece },
      engine: asked.engine,
      createdAt: asked.createdAt,
    },
    {
      'model.onnx': model,
      'tokenizer.json': base.tokenizer,
      'transformer.json': jsonBytes(form),
      [REFERENCE_NAME]: referenceBytes(freeze(split.heldOut, heldTokens, held, seed)),
    },
  )
  const facts = {
    rows: split.train.length,
    heldOut: split.heldOut.length,
    leftOut: asked.rows.length - rows.length,
    parameters,
    epochs: fitted.epochs,
    bestEpoch: fitted.best?.epoch ?? fitted.epochs,
    steps: fitted.steps,
    paddedShare: fitted.paddedShare,
  }
  return { artifact, evaluations, facts }
}

/** What cannot be computed at all is refused before anything is. */
function check({ shape }: TransformerRecipe): void {
  if (shape !== null && shape.width % shape.heads !== 0)
    throw new Fault('bad_request', { say: `${shape.heads} heads do not divide a width of ${shape.width}.` })
}

/** The head of a base is for its labels: the rows may lack some of them, and have no others. */
function labelsWithin(rows: readonly LabelledText[], { labels, name }: TransformerBase): readonly string[] {
  const seen = new Set(rows.map(({ label }) => label))
  const foreign = [...seen].filter((label) => !labels.includes(label)).slice(0, 10)
  if (foreign.length > 0)
    throw new Fault('data_broken', {
      say: `${name ?? 'The model'} knows the labels ${labels.join(', ')}; the data also has ${foreign.join(', ')}.`,
    })
  if (seen.size < 2)
    throw new Fault('data_broken', { say: `All rows have the label “${[...seen][0] ?? ''}”; two are needed at least.` })
  return labels
}

function believedOf({ believed }: Teacher, rows: readonly LabelledText[]): Float64Array {
  return Float64Array.from(rows.flatMap(({ text }) => believed(text)))
}

function taughtOf({ teacher }: TrainTransformer, rows: readonly LabelledText[]): Float32Array | null {
  return teacher === undefined ? null : Float32Array.from(rows.flatMap(({ text }) => teacher.probabilities(text)))
}

interface SplitRows {
  readonly train: readonly LabelledText[]
  readonly heldOut: readonly LabelledText[]
}

function splitRows(rows: readonly LabelledText[], { recipe, seed }: TrainTransformer): SplitRows {
  if (rows.length < ROWS_MIN)
    throw new Fault('data_broken', {
      say: `There are ${rows.length} rows to train on; at least ${ROWS_MIN} are needed.`,
    })
  const train: LabelledText[] = []
  const heldOut: LabelledText[] = []
  for (const row of rows) {
    ;(isHeldOut(row.text, recipe.heldOutShare, `held-out ${seed}`) ? heldOut : train).push(row)
  }
  if (heldOut.length === 0)
    throw new Fault('data_broken', { say: 'No row fell into the held-out part; there are too few different texts.' })
  return { train, heldOut }
}

/** Builds the vocabulary, and pre-trains where the recipe has pre-training epochs. */
async function startFromScratch(
  asked: TrainTransformer,
  labels: readonly string[],
  split: SplitRows,
  needs: TrainerNeeds,
): Promise<TransformerBase> {
  const { recipe, seed, unlabelled, threads } = asked
  const { shape } = recipe
  if (shape === null)
    throw new Fault('bad_request', { say: `The recipe ${recipe.name} needs a model to start from (--from).` })
  needs.onEvent({ kind: 'phase', name: 'vocabulary' })
  const texts = [...split.train.map(textOf), ...unlabelled]
  const tokens = await vocabularyOf(texts, shape.vocabulary, needs.signal)
  const rules = { lowercase: true, stripAccents: null, handleChinese: true }
  const tokenizer = jsonBytes(wordPieceTokenizer(tokens, rules))
  const { teacher } = asked
  const scratch = {
    recipe: { ...recipe, shape },
    labels,
    tokenizer,
    vocabulary: tokens.length,
    seed,
    ...(teacher ? { distillation: teacher } : {}),
  }
  if (recipe.pretrainEpochs === 0) return fromScratch(scratch)
  needs.onEvent({ kind: 'phase', name: 'pre-training' })
  const weights = await pretrain(
    {
      recipe: scratch.recipe,
      tokenizer: readTokenizer(tokenizer, { maxLength: WHOLE_TEXT }),
      seed,
      threads,
      texts,
      heldOut: split.heldOut.map(textOf),
      identity: identityOf(asked, tokenizer),
    },
    needs,
  )
  return fromScratch({ ...scratch, known: (name) => weights.get(name) ?? null })
}

/** More tokens than a text that a data set may have can give. */
const WHOLE_TEXT = 1_000_000
/** A character that is rarer than these has no token. */
const ALPHABET_MAX = 400
const PAIR_COUNT_MIN = 2
const TEXTS_A_TURN = 500

async function vocabularyOf(texts: readonly string[], size: number, signal: AbortSignal): Promise<string[]> {
  const counts = new Map<string, number>()
  for (const [i, text] of texts.entries()) {
    if (i % TEXTS_A_TURN === 0) {
      await new Promise(setImmediate)
      signal.throwIfAborted()
    }
    countWords(text, counts)
  }
  return buildVocabulary(counts, { size, countMin: PAIR_COUNT_MIN, alphabetMax: ALPHABET_MAX })
}

interface Encoded {
  readonly train: TokenTexts
  readonly trainTruth: Int32Array
  /** [texts · labels] */
  readonly trainTaught: Float32Array | null
  readonly heldOut: TokenTexts
  readonly heldTruth: Int32Array
  readonly heldTaught: Float32Array | null
  readonly padId: number
}

function fitClassifier(
  asked: TrainTransformer,
  base: TransformerBase,
  recipe: TransformerRecipe,
  { onEvent, signal, folder }: TrainerNeeds,
  { train, trainTruth, trainTaught, heldOut, heldTruth, heldTaught, padId }: Encoded,
): Promise<Fitted> {
  const { seed, threads } = asked
  const labelCount = base.labels.length
  const examples = labelExamples(train, {
    labels: trainTruth,
    labelCount,
    padId,
    ...(trainTaught === null ? {} : { teacher: trainTaught }),
    smoothing: recipe.smoothing,
    classWeights: classWeights(trainTruth, labelCount, recipe.labelBalance),
    wordDropout: { share: recipe.wordDropout, id: specialTokens.indexOf('[UNK]') },
  })
  const held = labelExamples(heldOut, {
    labels: heldTruth,
    labelCount,
    padId,
    ...(heldTaught === null ? {} : { teacher: heldTaught }),
  })
  const buckets = bucketsFor(lengthsOf(examples), recipe, recipe.maxLength)
  return fit(
    base.trainable,
    examples,
    {
      examples: held,
      buckets: bucketsFor(lengthsOf(held), recipe, recipe.maxLength),
      measure: (logits) => ({ accuracy: accuracyOf(logits, heldTruth, labelCount) }),
    },
    fitOptions(recipe, { seed, threads, buckets, identity: identityOf(asked, base.tokenizer) }),
    { onEvent, signal, folder: join(folder, 'fit') },
  )
}

/** What a checkpoint must agree with beside the trainer's own settings. */
function identityOf({ recipe, data, rows, unlabelled, teacher }: TrainTransformer, tokenizer: Uint8Array): string {
  const hash = createHash('sha256').update(tokenizer)
  const whom = teacher ? [teacher.digest, teacher.temperature, teacher.share] : []
  return hash.update(JSON.stringify([recipe, data.sha256, rows.length, unlabelled.length, whom])).digest('hex')
}

/** w_c = (n / (labels · n_c))^balance: 0 weighs rows alike, 1 labels. */
function classWeights(truth: Int32Array, labels: number, balance: number): number[] {
  const counts = new Array<number>(labels).fill(0)
  for (const label of truth) counts[label]++
  return counts.map((count) => (count === 0 ? 1 : (truth.length / (labels * count)) ** balance))
}

function accuracyOf(logits: Float32Array, truth: Int32Array, labels: number): number {
  const top = argmax({ labels, actual: truth, probabilities: logits })
  return truth.reduce((right, label, row) => right + (top[row] === label ? 1 : 0), 0) / truth.length
}

/** Of a label with fewer held-out rows nothing can be said; then the model may be made humbler, never surer. */
const CALIBRATED_ROWS_MIN = 5

function calibrated(logits: Float64Array, truth: Int32Array, labels: number): number {
  const counts = new Array<number>(labels).fill(0)
  for (const label of truth) counts[label]++
  const fitted = fitTemperature(logits, truth, labels)
  return counts.every((count) => count >= CALIBRATED_ROWS_MIN) ? fitted : Math.max(1, fitted)
}

function predictionsOf(logits: Float64Array, actual: Int32Array, labels: number, temperature: number): Predictions {
  const probabilities = new Float64Array(logits.length)
  for (let row = 0; row < actual.length; row++) {
    const scaled = logits.subarray(row * labels, (row + 1) * labels).map((z) => z / temperature)
    probabilities.set(softmax(scaled), row * labels)
  }
  return { labels, actual, probabilities }
}

function freeze(rows: readonly LabelledText[], texts: TokenTexts, predictions: Predictions, seed: number) {
  const { labels, probabilities } = predictions
  const top = argmax(predictions)
  return referenceOf(
    labels,
    rows.map(textOf),
    (row) => ({
      label: top[row],
      probabilities: Float64Array.from({ length: labels }, (_, k) => probabilities[row * labels + k]),
      tokens: texts.tokens[row],
      unknown: texts.unknown[row],
    }),
    seededRandom(seed),
  )
}

const textOf = ({ text }: LabelledText): string => text

function padOf({ padId }: Tokenizer): number {
  return padId ?? 0
}

function jsonBytes(value: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value)}\n`)
}
