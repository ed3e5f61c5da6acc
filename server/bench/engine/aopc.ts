/**
 * Whether explanations name the words that a model relies on: what its answer loses when they are taken away.
 *
 *   node server/bench/engine/aopc.ts [--transformer FOLDER] [--rows 200] [--train-rows 8000] [--json FILE]
 *
 * Reviews of IMDB's test split out of BAROMETER_DATA. Without a version in FOLDER a small transformer is trained first,
 * from scratch, on rows of the train split.
 *
 *   comprehensiveness = 1/(|B| + 1) · Σ_b (p(x) − p(x without the strongest b %))     B = {1, 5, 10, 20, 50}; higher is better
 *   sufficiency       = 1/(|B| + 1) · Σ_b (p(x) − p(only the strongest b % of x))      lower is better
 *
 * p is the probability of the label that the whole text gets. (The area over the perturbation curve: Samek et al. 2017,
 * eq. 12; over shares of the words: DeYoung et al. 2020, eq. 1–3.) Words are really taken out of the text, so that every
 * model and method is asked the same, and no method is favoured by what stands in a word's place. Beside each method: the
 * same with words in random order (the mean of five), and with the weakest first, which must lose.
 */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { imdb, type Labelled } from '../../../starter/corpora.ts'
import { interval } from '../../src/evaluation/evaluate.ts'
import { seededRandom, shuffle } from '../../src/math/random.ts'
import { textModelOf } from '../../src/models/servedModel.ts'
import { transformerRecipes } from '../../src/models/text/transformer/recipes.ts'
import {
  type AnyTextModel,
  type ExplainMethod,
  type Explanation,
  isQueued,
  type Scored,
} from '../../src/models/textModel.ts'
import { modelOpener } from '../../src/serving/openModel.ts'
import { trainTransformer } from '../../src/training/trainers/transformer/trainTransformer.ts'
import type { Artifact } from '../../src/versions/artifacts/artifact.ts'
import { verifyArtifact } from '../../src/versions/artifacts/folder.ts'
import { machine } from '../machine.ts'

const { values: options } = parseArgs({
  options: {
    transformer: { type: 'string' },
    linear: { type: 'string', default: fileURLToPath(new URL('../../../starter/sentiment', import.meta.url)) },
    rows: { type: 'string', default: '200' },
    'train-rows': { type: 'string', default: '8000' },
    json: { type: 'string' },
  },
})

const SHARES = [0.01, 0.05, 0.1, 0.2, 0.5]
const RANDOM_ORDERS = 5
const SEED = 11
const OPTIONS = { deadlineMs: 600_000 }
const root = fileURLToPath(new URL('../../..', import.meta.url))
const data = process.env['BAROMETER_DATA']
if (data === undefined) throw new Error('BAROMETER_DATA says where the data sets are; it is not set.')

const opener = modelOpener()
const rows = await testRows(data, Number(options.rows))
print(`${rows.length} reviews of IMDB's test split, ${JSON.stringify(machine(root))}`)
print('model        method              comprehensiveness      sufficiency   ms a text')
const transformer = options.transformer === undefined ? await train(data) : await verifyArtifact(options.transformer)
await measure('transformer', textModelOf(await opener.open(transformer), 'sentiment'), ['gradients', 'occlusion'])
await measure('linear', textModelOf(await opener.open(await verifyArtifact(options.linear)), 'sentiment'), ['exact'])
await opener.close()

async function measure(
  name: string,
  model: AnyTextModel,
  methods: readonly (ExplainMethod | 'exact')[],
): Promise<void> {
  const scores = new Map<string, { comprehensiveness: number[]; sufficiency: number[]; ms: number[] }>()
  const add = (method: string, taken: number, left: number, ms: number) => {
    const of = scores.get(method) ?? { comprehensiveness: [], sufficiency: [], ms: [] }
    of.comprehensiveness.push(taken)
    of.sufficiency.push(left)
    of.ms.push(ms)
    scores.set(method, of)
  }
  const random = seededRandom(SEED)
  for (const text of rows) {
    const words = wordsOf(text)
    const [whole] = await scoreAll(model, [text])
    for (const method of methods) {
      const began = performance.now()
      const explanation = await explained(model, text, method)
      const ms = performance.now() - began
      const strongest = orderBy(explanation, words, whole.label)
      add(method, ...(await losses(model, text, words, strongest, whole)), ms)
      add(`${method}, weakest first`, ...(await losses(model, text, words, strongest.toReversed(), whole)), ms)
    }
    const orders = await Promise.all(
      Array.from({ length: RANDOM_ORDERS }, () => {
        const order = words.map((_, w) => w)
        shuffle(order, random)
        return losses(model, text, words, order, whole)
      }),
    )
    add('random order', mean(orders.map(([taken]) => taken)), mean(orders.map(([, left]) => left)), 0)
  }
  for (const [method, { comprehensiveness, sufficiency, ms }] of scores) {
    const [taken, left] = [withInterval(comprehensiveness), withInterval(sufficiency)]
    print(`${name.padEnd(12)} ${method.padEnd(24)} ${shown(taken)}  ${shown(left)}  ${mean(ms).toFixed(1).padStart(8)}`)
    record({
      what: 'aopc',
      model: name,
      method,
      rows: rows.length,
      comprehensiveness: taken,
      sufficiency: left,
      ms: mean(ms),
    })
  }
  if (isQueued(model)) await model.close()
}

interface Word {
  readonly start: number
  readonly end: number
}

/** What white space separates: the same units for every model and method. */
function wordsOf(text: string): Word[] {
  return Array.from(text.matchAll(/\S+/g), ({ index, 0: word }) => ({ start: index, end: index + word.length }))
}

/** Words from the one that adds most to the label's logit to the one that takes most from it. */
function orderBy({ spans }: Explanation, words: readonly Word[], label: number): number[] {
  const strength = new Float64Array(words.length)
  let w = 0
  for (const { start, end, contributions } of spans) {
    while (w < words.length - 1 && words[w].end <= start) w++
    const others = (contributions.reduce((a, b) => a + b, 0) - contributions[label]) / (contributions.length - 1)
    const parts: number[] = []
    for (let each = w; each < words.length && words[each].start < end; each++) parts.push(each)
    // A stretch over several words (a linear model's phrase) is theirs in equal parts.
    for (const each of parts) strength[each] += (contributions[label] - others) / parts.length
  }
  return words.map((_, each) => each).sort((a, b) => strength[b] - strength[a] || a - b)
}

/** Comprehensiveness and sufficiency of one order. */
async function losses(
  model: AnyTextModel,
  text: string,
  words: readonly Word[],
  order: readonly number[],
  whole: Scored,
): Promise<[number, number]> {
  const texts = SHARES.flatMap((share) => {
    const chosen = new Set(order.slice(0, Math.max(1, Math.round(share * words.length))))
    const of = (keep: (w: number) => boolean) =>
      words
        .filter((_, w) => keep(w))
        .map(({ start, end }) => text.slice(start, end))
        .join(' ')
    return [of((w) => !chosen.has(w)), of((w) => chosen.has(w))]
  })
  const scored = await scoreAll(model, texts)
  const loss = (i: number) => whole.probabilities[whole.label] - scored[i].probabilities[whole.label]
  const sum = (from: number) => SHARES.reduce((total, _, b) => total + loss(2 * b + from), 0)
  return [sum(0) / (SHARES.length + 1), sum(1) / (SHARES.length + 1)]
}

async function scoreAll(model: AnyTextModel, texts: readonly string[]): Promise<Scored[]> {
  return isQueued(model)
    ? Promise.all(texts.map((text) => model.submit(text, OPTIONS)))
    : texts.map((text) => model.score(text))
}

async function explained(model: AnyTextModel, text: string, method: ExplainMethod | 'exact'): Promise<Explanation> {
  if (!isQueued(model)) return model.explain(text)
  return model.explain(text, OPTIONS, method === 'exact' ? undefined : method)
}

/** The same rows for every run: drawn from all of the split. */
async function testRows(folder: string, count: number): Promise<string[]> {
  const texts: string[] = []
  for await (const { text } of imdb(folder, 'test')) texts.push(text)
  shuffle(texts, seededRandom(SEED))
  return texts.slice(0, count)
}

async function train(folder: string): Promise<Artifact> {
  const all: Labelled[] = []
  for await (const row of imdb(folder, 'train')) all.push(row)
  shuffle(all, seededRandom(SEED))
  const chosen = all.slice(0, Number(options['train-rows']))
  const recipe = { ...transformerRecipes.small, epochs: 3, wordDropout: 0.1, heldOutShare: 0.1 }
  const scratch = mkdtempSync(join(tmpdir(), 'barometer-aopc-'))
  try {
    const { artifact, evaluations } = await trainTransformer(
      {
        model: 'aopc',
        task: 'sentiment',
        recipe,
        seed: SEED,
        threads: 2,
        rows: chosen,
        data: { sha256: '0'.repeat(64), sources: [{ name: 'imdb/train', rows: chosen.length }] },
        test: null,
        base: null,
        unlabelled: [],
        engine: 'bench',
        createdAt: new Date().toISOString(),
      },
      { onEvent: () => undefined, signal: new AbortController().signal, folder: scratch },
    )
    print(
      `trained on ${chosen.length} reviews: accuracy ${evaluations[0].metrics['accuracy'].value.toFixed(3)} held out`,
    )
    return artifact
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

interface Interval {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** Mean over rows with its 95 % bootstrap interval. */
function withInterval(values: readonly number[]): Interval {
  const random = seededRandom(SEED)
  const resampled = Array.from({ length: 1000 }, () =>
    mean(values.map(() => values[Math.floor(random() * values.length)])),
  )
  return { value: mean(values), ...interval(resampled, mean(values)) }
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length
}

function shown({ value, low, high }: Interval): string {
  return `${value.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`
}

function record(line: object): void {
  if (options.json === undefined) return
  const six = (_: string, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value)
  appendFileSync(options.json, `${JSON.stringify(line, six)}\n`)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
