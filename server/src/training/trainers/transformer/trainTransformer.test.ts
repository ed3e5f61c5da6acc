import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TrainingEvent } from '../../../domain/trainingRun.ts'
import { readTokenizer } from '../../../engine/tokenize/tokenizer.ts'
import type { LabelledText } from '../../../evaluation/measure.ts'
import { seededRandom } from '../../../math/random.ts'
import type { TransformerRecipe, TransformerShape } from '../../../models/text/transformer/recipe.ts'
import { transformerRecipes } from '../../../models/text/transformer/recipes.ts'
import { readReference } from '../../../versions/artifacts/reference.ts'
import type { Trained, TrainerNeeds } from '../trainer.ts'
import { logitsOf } from './logitsOf.ts'
import { encodeTexts } from './textExamples.ts'
import { type TrainTransformer, trainTransformer } from './trainTransformer.ts'
import { openBase } from './transformerBase.ts'

let folder: string
let runs = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'barometer-transformer-'))
})
afterAll(() => rm(folder, { recursive: true }))

const praise = ['great', 'lovely', 'brilliant', 'moving', 'charming', 'superb']
const blame = ['awful', 'dull', 'clumsy', 'boring', 'hollow', 'dreadful']
const filler = ['the', 'film', 'was', 'and', 'its', 'cast', 'story', 'ending', 'music', 'felt', 'really', 'a']

/** Sentences in which one word says the label. */
function reviews(count: number, seed: number): LabelledText[] {
  const random = seededRandom(seed)
  const one = (words: readonly string[]) => words[Math.floor(random() * words.length)]
  return Array.from({ length: count }, (_, i) => {
    const label = i % 2 === 0 ? 'positive' : 'negative'
    const words = Array.from({ length: 4 + Math.floor(12 * random()) }, () => one(filler))
    words[Math.floor(random() * words.length)] = one(label === 'positive' ? praise : blame)
    return { text: `${words.join(' ')} ${i}.`, label }
  })
}

const { small, fineTune } = transformerRecipes
const shape: TransformerShape = {
  vocabulary: 200,
  width: 16,
  layers: 1,
  heads: 2,
  inner: 32,
  pooling: 'mean',
  norm: 'pre',
  dropout: 0.1,
  attentionDropout: 0,
}
const tiny: TransformerRecipe = {
  ...small,
  shape,
  maxLength: 32,
  epochs: 4,
  learningRate: 1e-2,
  heldOutShare: 0.2,
  // Of so few and so simple texts there is nothing that it should not learn by heart.
  wordDropout: 0,
  decay: 0.05,
  averaging: 0,
}

function train(changes: Partial<TrainTransformer> = {}, needs: Partial<TrainerNeeds> = {}): Promise<Trained> {
  return trainTransformer(
    {
      model: 'reviews',
      task: 'sentiment',
      recipe: tiny,
      seed: 1,
      threads: 1,
      rows: reviews(500, 1),
      data: { sha256: '0'.repeat(64), sources: [{ name: 'made', rows: 500 }] },
      test: { name: 'made/test', rows: reviews(100, 2) },
      base: null,
      unlabelled: [],
      engine: '0',
      createdAt: '2026-01-01T00:00:00Z',
      ...changes,
    },
    {
      onEvent: () => undefined,
      signal: new AbortController().signal,
      folder: join(folder, `run-${runs++}`),
      ...needs,
    },
  )
}

test('rows become an artifact of a model that knows them, with its reference and its measure', async () => {
  const events: TrainingEvent[] = []
  const { artifact, evaluations, facts } = await train({}, { onEvent: (event) => events.push(event) })
  expect(evaluations.map(({ name }) => name)).toEqual(['held-out', 'made/test'])
  expect(evaluations[1].metrics['accuracy'].value).toBeGreaterThan(0.95)
  expect(artifact.manifest).toMatchObject({ kind: 'transformer', labels: ['negative', 'positive'] })
  expect(readReference(artifact)?.rows).toBe(facts['heldOut'])
  const phases = events.flatMap((event) => (event.kind === 'phase' ? [event.name] : []))
  expect(phases).toEqual(['vocabulary', 'fitting', 'calibrating', 'measuring'])
  // What was learned is what the file says of an unseen text.
  const tokenizer = readTokenizer(artifact.files['tokenizer.json'], { maxLength: 32 })
  const texts = await encodeTexts(tokenizer, ['a superb film', 'a dreadful film, really'])
  const [a, b, c, d] = await logitsOf(texts, {
    model: artifact.files['model.onnx'],
    inputs: ['input_ids', 'attention_mask'],
    padId: 0,
    threads: 1,
  })
  expect(b).toBeGreaterThan(a)
  expect(c).toBeGreaterThan(d)
})

test('the same rows and seed give the same artifact, byte for byte', async () => {
  const [one, other] = [await train(), await train()]
  expect(one.artifact.digest).toBe(other.artifact.digest)
})

test('a version can be learned on from where it is, in its own form', async () => {
  const first = await train()
  const base = await openBase(first.artifact)
  const recipe = { ...fineTune, epochs: 1, batch: 8, rowsAtOnce: 5, maxLength: 32, heldOutShare: 0.2 }
  // Of rows whose labels are turned round it must learn the contrary of what it knew.
  const turned = reviews(200, 3).map(({ text, label }) => ({
    text,
    label: label === 'positive' ? 'negative' : 'positive',
  }))
  const kept = await train({ base, rows: reviews(200, 3), recipe })
  const lost = await train({ base, rows: turned, recipe: { ...recipe, learningRate: 1e-2, epochs: 3 } })
  const accuracy = ({ evaluations }: Trained): number => evaluations[1].metrics['accuracy'].value
  expect(accuracy(kept)).toBeGreaterThan(0.95)
  expect(accuracy(lost)).toBeLessThan(0.2)
  expect(kept.artifact.manifest.recipe.parameters['from']).toContain('reviews')
  expect(kept.artifact.files['model.onnx'].length).toBe(first.artifact.files['model.onnx'].length)
})

test('pre-training reads the texts first, and its body is what the classifier starts from', async () => {
  const events: TrainingEvent[] = []
  const recipe = { ...tiny, pretrainEpochs: 2 }
  const { evaluations } = await train(
    { recipe, unlabelled: reviews(100, 9).map(({ text }) => text) },
    { onEvent: (event) => events.push(event) },
  )
  const told = events.map((event) => (event.kind === 'phase' ? event.name : event.kind))
  expect(told.indexOf('pre-training')).toBeLessThan(told.indexOf('fitting'))
  expect(told.filter((kind) => kind === 'evaluated').length).toBe(tiny.epochs)
  expect(evaluations[0].metrics['accuracy'].value).toBeGreaterThan(0.9)
})

test('a run that is stopped resumes in its folder to the same artifact', async () => {
  const stop = new AbortController()
  const own = join(folder, 'stopped')
  const reason = new Error('enough')
  let points = 0
  const onEvent = (event: TrainingEvent): void => {
    if (event.kind === 'point' && ++points === 15) stop.abort(reason)
  }
  await expect(train({}, { folder: own, signal: stop.signal, onEvent })).rejects.toBe(reason)
  const resumed = await train({}, { folder: own })
  expect(resumed.artifact.digest).toBe((await train()).artifact.digest)
})

test('what cannot be is refused before anything is computed', async () => {
  const rows = reviews(60, 1)
  await expect(train({ rows: rows.slice(0, 20) })).rejects.toMatchObject({ code: 'data_broken' })
  const wide = { ...tiny, shape: { ...shape, width: 17 } }
  await expect(train({ recipe: wide })).rejects.toMatchObject({ code: 'bad_request' })
  await expect(train({ recipe: fineTune })).rejects.toThrow(/--from/)
  const base = await openBase((await train({ recipe: { ...tiny, epochs: 1 } })).artifact)
  const foreign = rows.map(({ text }, i) => ({ text, label: i % 2 === 0 ? 'positive' : 'mixed' }))
  await expect(train({ rows: foreign, base, recipe: fineTune })).rejects.toThrow(/also has mixed/)
})
