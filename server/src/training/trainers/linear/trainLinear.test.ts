import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { lbfgs } from '../../../math/lbfgs.ts'
import { seededRandom } from '../../../math/random.ts'
import type { LinearRecipe } from '../../../models/text/recipe.ts'
import { recipes } from '../../../models/text/recipes.ts'
import { gather, prepare, type TrainingRow } from './corpus.ts'
import { evaluatePart, finishEvaluation, hessianDiagonal, type Problem } from './problem.ts'
import { type TrainingProgress, trainLinear } from './trainLinear.ts'
import { workerPool } from './workerPool.ts'

/** Plain binary presence, no scales, no held-out rows: what scikit-learn's LogisticRegression sees. */
const plain: LinearRecipe = {
  ...recipes.custom,
  options: { words: 2, negation: false, punctuation: false, characters: null, lengthPower: 0, long: null, extra: null },
  rowsMin: 1,
  countRatioPower: 0,
  idfPower: 0,
  heldOutShare: 0,
  labelBalance: 0,
}

const lexicon = [{ name: 'nice', words: ['good', 'fine', 'lovely', 'not-one-token'] }]

/** Rows by a rule: positive where there are more good words than bad ones, else negative; with neutral chatter. */
function ruled(count: number, seed: number): TrainingRow[] {
  const random = seededRandom(seed)
  const words = {
    positive: ['good', 'great', 'lovely'],
    negative: ['bad', 'awful', 'broken'],
    neutral: ['the', 'box', 'came', 'on', 'day', 'two'],
  }
  const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)]
  return Array.from({ length: count }, () => {
    const label = pick(['positive', 'negative', 'neutral']) as keyof typeof words // one of the three just named
    const text = Array.from({ length: 8 }, (_, i) => (i === 3 ? pick(words[label]) : pick(words.neutral))).join(' ')
    return { text: `${text} ${Math.floor(random() * 1e6)}`, label }
  })
}

const labels = ['negative', 'neutral', 'positive']

async function problemOf(
  rows: readonly TrainingRow[],
  names: readonly string[],
  recipe: LinearRecipe,
  words = lexicon,
): Promise<Problem> {
  const alone = workerPool(1)
  await alone.all('begin', () => ({ options: recipe.options, lexicon: words }))
  const corpus = await gather(rows, names, recipe, 1, alone, () => {})
  return (await prepare(corpus, names.length, recipe, words, alone)).problem
}

const whole = (problem: Problem): number => {
  evaluatePart(
    problem,
    { features: [0, problem.features], shards: [0, problem.shards.length], attributes: [0, problem.attributes] },
    1,
  )
  return finishEvaluation(problem)
}

interface Golden {
  readonly texts: readonly string[]
  readonly two: { readonly labels: readonly number[]; readonly c: number; readonly logits: readonly number[] }
  readonly three: {
    readonly labels: readonly number[]
    readonly c: number
    readonly logits: readonly (readonly number[])[]
  }
}
// The form that test/golden/linear.py writes.
const golden = JSON.parse(
  readFileSync(new URL('../../../../test/golden/linear.json', import.meta.url), 'utf8'),
) as Golden

test.each(['two', 'three'] as const)('with %s labels the optimum is that of scikit-learn, to 1e-4', async (kind) => {
  const { labels: truth, c, logits } = golden[kind]
  const names = kind === 'two' ? ['0', '1'] : ['0', '1', '2']
  const rows = golden.texts.map((text, i) => ({ text, label: String(truth[i]) }))
  const problem = await problemOf(rows, names, { ...plain, penaltyInverse: c }, [])
  const solver = lbfgs(problem.point, problem.gradient, {
    stepsMax: 500,
    memory: 8,
    gradientMax: 1e-8,
    diagonal: hessianDiagonal(problem),
  })
  let ask = solver.next()
  while (!ask.done) ask = solver.next(ask.value.kind === 'evaluate' ? whole(problem) : 0)
  whole(problem)
  for (const [i, expected] of logits.entries()) {
    if (typeof expected === 'number') {
      expect(Math.abs(problem.logits[i] - expected)).toBeLessThan(1e-4)
      continue
    }
    const own = [...problem.logits.subarray(i * 3, i * 3 + 3)]
    const mean = own.reduce((a, b) => a + b) / 3
    own.forEach((z, k) => expect(Math.abs(z - mean - expected[k])).toBeLessThan(1e-4))
  }
})

test.each([2, 3, 4])('with %s labels the gradient is that of finite differences', async (count) => {
  const names = ['negative', 'neutral', 'positive', 'never'].slice(0, count)
  const rows = ruled(80, 5).map((row) => ({
    ...row,
    label: names.includes(row.label) ? row.label : names[0],
    weight: 1 + (row.text.length % 3),
  }))
  const recipe = {
    ...recipes.sentiment,
    options: { ...recipes.sentiment.options, characters: { min: 1, max: 3 } },
    rowsMin: 2,
    heldOutShare: 0.1,
  }
  const problem = await problemOf(rows, names, recipe)
  expect(problem.attributes).toBeGreaterThan(3)
  const random = seededRandom(9)
  for (let i = 0; i < problem.point.length; i++) problem.point[i] = 0.4 * (random() - 0.5)
  whole(problem)
  const gradient = problem.gradient.slice()
  const step = 1e-2
  const last = problem.point.length - 1
  for (const i of [
    0,
    1,
    7,
    problem.features * problem.columns,
    last,
    ...Array.from({ length: 40 }, () => Math.floor(random() * last)),
  ]) {
    const kept = problem.point[i]
    problem.point[i] = kept + step
    const above = whole(problem)
    problem.point[i] = kept - step
    const below = whole(problem)
    problem.point[i] = kept
    // Central differences err by step²; the effective weights are rounded to 24 bits.
    expect(Math.abs((above - below) / (2 * step) - gradient[i])).toBeLessThan(2e-5)
  }
})

test('one, two and three workers make the same bytes, and so does a second time', async () => {
  const rows = ruled(2000, 1)
  const recipe = { ...recipes.sentiment, stepsMax: 8 }
  const make = async (workers: number): Promise<Uint8Array> =>
    (await trainLinear({ rows, labels, recipe, lexicon, seed: 4, workers })).artifactFiles['model.bin']
  const alone = await make(1)
  expect(Buffer.compare(await make(1), alone)).toBe(0)
  expect(Buffer.compare(await make(2), alone)).toBe(0)
  expect(Buffer.compare(await make(3), alone)).toBe(0)
}, 60_000)

test('a rule in the words is learned from few rows, and the probabilities are worth their name', async () => {
  const { model, heldOut, calibration } = await trainLinear({
    rows: ruled(600, 2),
    labels,
    recipe: recipes.custom,
    seed: 1,
    workers: 1,
  })
  const fresh = ruled(300, 3)
  const right = fresh.filter(({ text, label }) => labels[model.score(text).label] === label).length
  expect(right / fresh.length).toBeGreaterThan(0.97)
  expect(calibration.rows).toBe(heldOut.truth.length)
  expect(heldOut.truth.length).toBeGreaterThan(30)
})

test('a rare label is still found', async () => {
  const rare = Array.from({ length: 12 }, (_, i) => ({ text: `smoke in room ${i}`, label: 'fire' }))
  const common = Array.from({ length: 1200 }, (_, i) => ({
    text: `all quiet in room ${i % 400} at ${i}`,
    label: 'calm',
  }))
  const { model } = await trainLinear({
    rows: [...common, ...rare],
    labels: ['calm', 'fire'],
    recipe: recipes.custom,
    seed: 1,
    workers: 1,
  })
  expect(model.score('smoke in room 99').label).toBe(1)
  expect(model.score('all quiet in room 98').label).toBe(0)
})

test('a word of the lexicon that only one row had is not forgotten', async () => {
  const { model } = await trainLinear({
    rows: [...ruled(600, 2), { text: '🤗', label: 'positive', heldOut: false }],
    labels,
    recipe: recipes.sentiment,
    lexicon: [{ name: 'nice', words: ['good', 'lovely', '🤗'] }],
    seed: 1,
    workers: 1,
  })
  expect(model.score('🤗').label).toBe(2)
})

test('a word of the lexicon that no row had counts as its group does', async () => {
  const { model } = await trainLinear({
    rows: ruled(600, 2),
    labels,
    recipe: { ...recipes.sentiment, options: { ...recipes.sentiment.options, characters: null } },
    lexicon,
    seed: 1,
    workers: 1,
  })
  const positive = (text: string): number => model.score(text).probabilities[2]
  expect(positive('the box came fine')).toBeGreaterThan(positive('the box came xyzzy') + 0.05)
})

test('progress comes in phases, with a loss that falls', async () => {
  const seen: TrainingProgress[] = []
  await trainLinear({
    rows: ruled(600, 2),
    labels,
    recipe: recipes.custom,
    seed: 1,
    workers: 1,
    onProgress: (progress) => seen.push(progress),
  })
  expect([...new Set(seen.map(({ phase }) => phase))]).toEqual(['reading', 'preparing', 'fitting', 'calibrating'])
  const losses = seen.flatMap(({ loss }) => loss ?? [])
  expect(losses.length).toBeGreaterThan(3)
  expect(losses).toEqual(losses.toSorted((a, b) => b - a))
  for (const { phase, heldOutLoss, etaSeconds } of seen)
    if (phase === 'fitting') expect([heldOutLoss, etaSeconds]).not.toContain(null)
})

test('it stops early where the held-out rows stop gaining', async () => {
  const random = seededRandom(1)
  const noise = Array.from({ length: 400 }, (_, i) => ({
    text: `row ${i} ${Math.floor(random() * 1e6)}`,
    label: labels[Math.floor(random() * 3)],
  }))
  const { steps } = await trainLinear({
    rows: noise,
    labels,
    recipe: { ...recipes.custom, penaltyInverse: 1e6 },
    seed: 1,
    workers: 1,
  })
  expect(steps).toBeLessThan(recipes.custom.stepsMax / 2)
})

test('an abort ends the run, threads and all', async () => {
  const stop = new AbortController()
  const run = trainLinear({
    rows: ruled(1100, 1),
    labels,
    recipe: recipes.sentiment,
    seed: 1,
    workers: 2,
    signal: stop.signal,
    onProgress: ({ phase }) => phase === 'fitting' && stop.abort(new Error('enough')),
  })
  await expect(run).rejects.toThrow('enough')
}, 30_000)

test('a label that the task lacks is refused by name', async () => {
  await expect(
    trainLinear({ rows: [{ text: 'a', label: 'odd' }], labels, recipe: recipes.custom, seed: 1, workers: 1 }),
  ).rejects.toThrow('odd')
})

/** Probabilities of the labels for each of these rows. */
function softened(rows: readonly TrainingRow[], names: readonly string[], seed: number): TrainingRow[] {
  const random = seededRandom(seed)
  return rows.map((row) => {
    const raw = names.map((name) => random() + (name === row.label ? 2 : 0))
    const total = raw.reduce((sum, p) => sum + p, 0)
    return { ...row, target: raw.map((p) => p / total) }
  })
}

test.each([3, 2])('probabilities instead of labels: the gradient of %d labels is that of the value', async (count) => {
  const names = labels.slice(0, count)
  const rows = softened(
    ruled(80, 5).filter(({ label }) => names.includes(label)),
    names,
    6,
  )
  const problem = await problemOf(rows, names, { ...recipes.custom, heldOutShare: 0 })
  const random = seededRandom(7)
  for (let j = 0; j < problem.point.length; j++) problem.point[j] = random() - 0.5
  const at = whole(problem)
  const gradient = problem.gradient.slice()
  expect(at).toBeGreaterThan(0)
  for (let trial = 0; trial < 30; trial++) {
    const j = Math.floor(random() * problem.point.length)
    const kept = problem.point[j]
    const step = 1e-3
    problem.point[j] = kept + step
    const above = whole(problem)
    problem.point[j] = kept - step
    const below = whole(problem)
    problem.point[j] = kept
    expect((above - below) / (2 * step)).toBeCloseTo(gradient[j], 4)
  }
})

test.each([3, 2])('probabilities of 0 and 1 are the labels: %d labels', async (count) => {
  const names = labels.slice(0, count)
  const rows = ruled(120, 8).filter(({ label }) => names.includes(label))
  const certain = rows.map((row) => ({ ...row, target: names.map((name) => (name === row.label ? 1 : 0)) }))
  const [hard, soft] = [await problemOf(rows, names, recipes.custom), await problemOf(certain, names, recipes.custom)]
  expect(soft.scale).toEqual(hard.scale)
  const random = seededRandom(9)
  for (let j = 0; j < hard.point.length; j++) soft.point[j] = hard.point[j] = random() - 0.5
  expect(whole(soft)).toBeCloseTo(whole(hard), 12)
  for (const [j, value] of hard.gradient.entries()) expect(soft.gradient[j]).toBeCloseTo(value, 12)
})

test('a row that may be either weighs as much as a share of each', async () => {
  const names = labels
  const rows = ruled(60, 10)
  const either = rows.map((row) => ({ ...row, target: [0.2, 0.3, 0.5] }))
  const apart = rows.flatMap((row) => names.map((label, k) => ({ ...row, label, weight: [0.2, 0.3, 0.5][k] })))
  const [one, three] = [await problemOf(either, names, plain, []), await problemOf(apart, names, plain, [])]
  const random = seededRandom(11)
  for (let j = 0; j < one.point.length; j++) three.point[j] = one.point[j] = random() - 0.5
  expect(three.point.length).toBe(one.point.length)
  expect(whole(one)).toBeCloseTo(whole(three), 10)
})

test('a model trained on probabilities is as sure as they are', async () => {
  const doubtOf = (text: string) => (/lovely|broken/.test(text) ? 0.4 : 0.1)
  const rows = ruled(4000, 12).map((row) => {
    const doubt = doubtOf(row.text)
    return { ...row, target: labels.map((label) => (label === row.label ? 1 - doubt : doubt / 2)) }
  })
  const { model } = await trainLinear({ rows: rows.slice(1000), labels, recipe: recipes.custom, seed: 1, workers: 1 })
  const meanOf = (some: readonly TrainingRow[], value: (row: TrainingRow) => number) =>
    some.reduce((sum, row) => sum + value(row), 0) / some.length
  for (const doubts of [true, false]) {
    const some = rows.slice(0, 1000).filter(({ text }) => doubtOf(text) > 0.2 === doubts)
    const sure = meanOf(some, ({ text, label }) => model.score(text).probabilities[labels.indexOf(label)])
    expect(sure).toBeCloseTo(
      meanOf(some, ({ text }) => 1 - doubtOf(text)),
      1,
    )
  }
})

test('classes that differ by their numbers alone are learned where numbers are kept as written, and only there', async () => {
  const random = seededRandom(11)
  const row = (): TrainingRow => {
    const status = random() < 0.5 ? 404 : 500
    const code = status === 404 ? 'E1404' : 'E1500'
    return {
      text: `GET /page${Math.floor(random() * 50)} ${random() < 0.5 ? status : code} in ${Math.floor(random() * 90)} ms`,
      label: String(status),
    }
  }
  const rows = Array.from({ length: 600 }, row)
  const unseen = Array.from({ length: 300 }, row)
  const right = async (numbers: 'folded' | 'both'): Promise<number> => {
    const recipe = { ...recipes.custom, options: { ...recipes.custom.options, numbers } }
    const { model } = await trainLinear({ rows, labels: ['404', '500'], recipe, seed: 3, workers: 1 })
    return unseen.filter(({ text, label }) => model.labels[model.score(text).label] === label).length / unseen.length
  }
  expect(await right('both')).toBeGreaterThanOrEqual(0.99)
  expect(await right('folded')).toBeLessThan(0.7)
})
