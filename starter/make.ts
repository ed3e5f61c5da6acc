/**
 * Makes the models in the box again, from the public corpora in BAROMETER_DATA:
 *
 *   BAROMETER_DATA=… node starter/make.ts sentiment      → starter/sentiment/
 *   BAROMETER_DATA=… node starter/make.ts severity       → starter/severity/
 *   BAROMETER_DATA=… node starter/make.ts imdb OUT       → OUT/ (not shipped: the benchmark recipe)
 *
 * The same data, recipe and seed give the same model.bin, byte for byte, with any number of workers.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { DataSource, Evaluation } from '../server/src/domain/version.ts'
import { evaluate } from '../server/src/evaluation/evaluate.ts'
import { makeReference } from '../server/src/evaluation/makeReference.ts'
import { textKey } from '../server/src/math/hash53.ts'
import { seededRandom } from '../server/src/math/random.ts'
import { recipeParameters, recipes } from '../server/src/models/text/recipes.ts'
import type { TextModel } from '../server/src/models/textModel.ts'
import { calibrationError, type Predictions } from '../server/src/stats/probabilities.ts'
import type { TrainingRow } from '../server/src/training/trainers/linear/corpus.ts'
import { type TrainedLinear, trainLinear } from '../server/src/training/trainers/linear/trainLinear.ts'
import { writeArtifact } from '../server/src/versions/artifacts/folder.ts'
import { REFERENCE_NAME, referenceBytes } from '../server/src/versions/artifacts/reference.ts'
import {
  imdb,
  type Labelled,
  placeSentences,
  ratedPosts,
  reviewLabels,
  sentimentLabels,
  sentimentLexicon,
  sst,
  tweets,
} from './corpora.ts'
import { ownSentences } from './sentences.ts'
import { makeSeverity } from './severity.ts'

const SEED = 1
/** Fixed, so that making a model twice gives the same manifest too. */
const CREATED_AT = '2026-11-21T00:00:00Z'

interface Corpus {
  readonly source: Omit<DataSource, 'rows'>
  readonly rows: () => AsyncIterable<Labelled>
  /** How much a row of this label counts. */
  readonly weight: (label: string) => number
  /** The weight at which each row is read a second time in its short form. */
  readonly asShort?: number
}

interface Plan {
  readonly task: string
  readonly labels: readonly string[]
  readonly recipe: (typeof recipes)[keyof typeof recipes]
  readonly lexicon: ReturnType<typeof sentimentLexicon>
  readonly training: readonly Corpus[]
  /** Never trained on, and no training text occurs in them. */
  readonly tests: readonly { readonly name: string; readonly rows: () => AsyncIterable<Labelled> }[]
}

const imdbTerms = 'no licence stated; research use'

function plans(data: string): Record<string, Plan> {
  return {
    imdb: {
      task: 'reviews',
      labels: reviewLabels,
      recipe: recipes.imdb,
      lexicon: [],
      training: [
        { source: { name: 'imdb/train', terms: imdbTerms }, rows: () => imdb(data, 'train'), weight: () => 1 },
      ],
      tests: [{ name: 'imdb/test', rows: () => imdb(data, 'test') }],
    },
    sentiment: {
      task: 'sentiment',
      labels: sentimentLabels,
      recipe: recipes.sentiment,
      lexicon: sentimentLexicon(data),
      training: [
        {
          source: { name: 'imdb/train', terms: imdbTerms },
          rows: () => imdb(data, 'train'),
          weight: () => 1,
          asShort: 0.3,
        },
        {
          source: { name: 'sst/train', terms: 'no licence stated; research use' },
          rows: () => sst(data, 'train'),
          weight: () => 2.5,
        },
        {
          source: { name: 'tweeteval/sentiment/train', terms: 'SemEval-2017 task 4; posts under the terms of X' },
          rows: () => tweets(data, 'train'),
          // There are 2.8 times fewer negative posts than neutral ones, and all labels count alike in macro-recall.
          // Neutral is the label that the other corpora hardly have.
          weight: (label) => (label === 'negative' ? 2.8 : label === 'neutral' ? 1.2 : 1),
        },
        {
          source: { name: 'barometer/sentences', terms: 'Apache-2.0' },
          rows: ownSentences,
          // Few, short and certain.
          weight: () => 10,
        },
      ],
      tests: [
        { name: 'imdb/test', rows: () => imdb(data, 'test') },
        { name: 'sst/test', rows: () => sst(data, 'test') },
        { name: 'tweeteval/sentiment/test', rows: () => tweets(data, 'test') },
        { name: 'vader/posts', rows: () => ratedPosts(data) },
        { name: 'yelp/sentences/test', rows: () => placeSentences(data) },
      ],
    },
  }
}

async function make(name: string, data: string, out: string): Promise<void> {
  const plan = plans(data)[name]
  if (plan === undefined) throw new Error(`no starter model is called ${name}`)
  const tests = await Promise.all(plan.tests.map(async (test) => ({ name: test.name, rows: await all(test.rows()) })))
  const { rows, sources, sha256 } = await trainingRows(
    plan,
    tests.flatMap((test) => test.rows),
  )
  const started = performance.now()
  const trained = await trainLinear({
    rows,
    labels: plan.labels,
    recipe: plan.recipe,
    lexicon: plan.lexicon,
    seed: SEED,
    workers: availableParallelism(),
    onProgress: ({ phase, done, loss, heldOutLoss, heldOutAccuracy }) => {
      if (phase === 'fitting' && done % 10 === 0) console.error(done, loss, heldOutLoss, heldOutAccuracy)
    },
  })
  console.error(`trained in ${((performance.now() - started) / 1000).toFixed(1)} s`, trained.seconds, trained.steps)
  const evaluations = tests.flatMap((test) => evaluationsOf(test.name, trained.model, test.rows))
  const heldOut = {
    labels: plan.labels.length,
    actual: trained.heldOut.truth,
    probabilities: trained.heldOut.probabilities,
  }
  const held = evaluate('held-out', heldOut, { random: seededRandom(SEED) })
  await writeArtifact(
    out,
    {
      format: 1,
      kind: 'linear',
      model: name,
      task: plan.task,
      labels: plan.labels,
      recipe: { name: plan.recipe.name, parameters: recipeParameters(plan.recipe) },
      seed: SEED,
      data: { rows: sources.reduce((sum, source) => sum + source.rows, 0), sha256, sources },
      evaluations: [held, ...evaluations],
      calibration: { ...trained.calibration, ece: calibrationError(heldOut).ece },
      engine: engineVersion(),
      createdAt: CREATED_AT,
    },
    filesOf(trained, out),
    { replace: true },
  )
  for (const { name, rows, metrics } of [held, ...evaluations]) {
    const { accuracy, macroRecall, ece } = metrics
    console.log(
      name,
      rows,
      `accuracy ${percent(accuracy)}`,
      `macro-recall ${percent(macroRecall)}`,
      `ece ${percent(ece)}`,
    )
  }
  const { unquantised } = trained
  console.log(`held-out before pruning and quantising: accuracy ${(100 * unquantised.accuracy).toFixed(2)}`)
}

function filesOf(trained: TrainedLinear, out: string): Record<string, Uint8Array> {
  const reference = referenceBytes(makeReference(trained.model, trained.heldOut.texts, seededRandom(SEED)))
  const files: Record<string, Uint8Array> = { ...trained.artifactFiles, [REFERENCE_NAME]: reference }
  const card = readOptional(join(out, 'card.md'))
  if (card !== undefined) files['card.md'] = card
  return files
}

function readOptional(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}

/** Every training text that occurs in no test, corpus after corpus, and the digest of exactly these rows. */
async function trainingRows(
  plan: Plan,
  tests: readonly Labelled[],
): Promise<{ rows: TrainingRow[]; sources: DataSource[]; sha256: string }> {
  const forbidden = new Set(tests.map(({ text }) => textKey(text)))
  const rows: TrainingRow[] = []
  const sources: DataSource[] = []
  const digest = createHash('sha256')
  for (const corpus of plan.training) {
    let count = 0
    for await (const { text, label, group } of corpus.rows()) {
      if (forbidden.has(textKey(text))) continue
      rows.push({ text, label, weight: corpus.weight(label), ...(group === undefined ? {} : { group }) })
      if (corpus.asShort !== undefined) {
        rows.push({ text, label, weight: corpus.asShort, asShort: true, ...(group === undefined ? {} : { group }) })
      }
      digest.update(`${label}\n${text}\n`)
      count++
    }
    sources.push({ ...corpus.source, rows: count })
  }
  return { rows, sources, sha256: digest.digest('hex') }
}

/** Over all of the model's labels; and where the rows lack one, also over those that they have. */
function evaluationsOf(name: string, model: TextModel, rows: readonly Labelled[]): Evaluation[] {
  const present = model.labels.filter((label) => rows.some((row) => row.label === label))
  const random = (): ReturnType<typeof seededRandom> => seededRandom(SEED)
  const binary = (subset: readonly Labelled[], title: string): Evaluation =>
    evaluate(title, predictionsOf(model, ['negative', 'positive'], subset), { random: random() })
  if (present.length < model.labels.length) return [binary(rows, name)]
  const full = evaluate(name, predictionsOf(model, model.labels, rows), { random: random() })
  if (name !== 'sst/test') return [full]
  return [
    full,
    binary(
      rows.filter(({ label }) => label !== 'neutral'),
      'sst2/test',
    ),
  ]
}

/** The model's probabilities over `labels`, the other ones ignored. */
function predictionsOf(model: TextModel, labels: readonly string[], rows: readonly Labelled[]): Predictions {
  const at = labels.map((label) => model.labels.indexOf(label))
  const probabilities = new Float64Array(rows.length * labels.length)
  for (const [i, { text }] of rows.entries()) {
    const scored = model.score(text).probabilities
    const total = at.reduce((sum, k) => sum + scored[k], 0)
    for (const [j, k] of at.entries()) probabilities[i * labels.length + j] = scored[k] / total
  }
  return { labels: labels.length, actual: rows.map(({ label }) => labels.indexOf(label)), probabilities }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

function engineVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  } // npm's form
  return version
}

function percent(estimate: { value: number } | undefined): string {
  return estimate === undefined ? '–' : (100 * estimate.value).toFixed(2)
}

const [name, out] = process.argv.slice(2)
const data = process.env['BAROMETER_DATA']
if (name === undefined || data === undefined) {
  console.error('usage: BAROMETER_DATA=FOLDER node starter/make.ts sentiment | severity | imdb OUT')
  process.exit(2)
}
const folder = out ?? new URL(name, import.meta.url).pathname
if (name === 'severity') {
  const workers = availableParallelism()
  await makeSeverity({ data, out: folder, seed: SEED, workers, engine: engineVersion(), createdAt: CREATED_AT })
} else await make(name, data, folder)
