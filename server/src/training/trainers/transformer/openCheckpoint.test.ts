import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readTokenizer } from '../../../engine/tokenize/tokenizer.ts'
import type { LabelledText } from '../../../evaluation/measure.ts'
import { seededRandom } from '../../../math/random.ts'
import { transformerRecipes } from '../../../models/text/transformer/recipes.ts'
import { logitsOf } from './logitsOf.ts'
import { isCheckpoint, openCheckpoint } from './openCheckpoint.ts'
import { encodeTexts } from './textExamples.ts'
import { trainTransformer } from './trainTransformer.ts'

const golden = (name: string) =>
  fileURLToPath(new URL(`../../../../test/golden/imported/distilbert/${name}`, import.meta.url))
const words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'good', 'bad', 'fair']
const vocabulary = [...words, ...Array.from({ length: 52 }, (_, i) => `w${i}`)]

/** A snapshot of the Hub, as the cache has it. */
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'barometer-checkpoint-'))
  for (const name of ['config.json', 'model.safetensors']) copyFileSync(golden(name), join(folder, name))
  writeFileSync(join(folder, 'vocab.txt'), `${vocabulary.join('\n')}\n`)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function rows(count: number, labels: Readonly<Record<string, string>>): LabelledText[] {
  const random = seededRandom(1)
  return Array.from({ length: count }, () => {
    const said = Object.keys(labels)[Math.floor(random() * 3)]
    const filler = () => `w${Math.floor(52 * random())}`
    return { text: [filler(), filler(), said, filler(), filler()].join(' '), label: labels[said] }
  })
}

/** [3 · labels] what it says of three texts before it has learned anything. */
async function firstLogits(labels: Readonly<Record<string, string>>, seed = 1) {
  const base = await openCheckpoint(folder, 'hf:some/one', rows(60, labels), seed)
  const tokens = await encodeTexts(
    readTokenizer(base.tokenizer, base),
    ['a good w1', 'bad', 'w2 w3 fair'],
    AbortSignal.any([]),
  )
  const model = base.withWeights(new Map(base.trainable.parameters.map(({ name, initial }) => [name, initial])))
  return { base, logits: [...(await logitsOf(tokens, { model, inputs: base.inputs, padId: 0, threads: 1 }))] }
}

const own = { good: 'positive', bad: 'negative', fair: 'neutral' }
const others = { good: 'joy', bad: 'anger', fair: 'calm' }

describe('a checkpoint of the Hub', () => {
  test('keeps its head where the labels are its own, whatever the seed', async () => {
    const { base, logits } = await firstLogits(own)
    expect(base).toMatchObject({ name: 'hf:some/one', labels: ['negative', 'neutral', 'positive'], maxLength: 24 })
    expect((await firstLogits(own, 2)).logits).toEqual(logits)
  })

  test('gets a new head where they are others, even if they are as many', async () => {
    const { base, logits } = await firstLogits(others)
    expect(base.labels).toEqual(['anger', 'calm', 'joy'])
    expect((await firstLogits(others, 2)).logits).not.toEqual(logits)
  })

  test('learns a task of one’s own', async () => {
    const learned = rows(600, others)
    const recipe = {
      ...transformerRecipes.fineTune,
      maxLength: 16,
      epochs: 20,
      earlyStopping: 20,
      learningRate: 8e-3,
      batch: 16,
      rowsAtOnce: 16,
    }
    const { artifact } = await trainTransformer(
      {
        model: 'feeling',
        task: 'feeling',
        recipe,
        seed: 1,
        threads: 1,
        rows: learned,
        data: { sha256: '0'.repeat(64), sources: [{ name: 'made', rows: 600 }] },
        test: null,
        base: await openCheckpoint(folder, 'hf:some/one', learned, 1),
        unlabelled: [],
        engine: '0',
        createdAt: '2026-01-01T00:00:00Z',
      },
      { onEvent: () => undefined, signal: new AbortController().signal, folder: join(folder, 'run') },
    )
    const { labels, recipe: made, evaluations } = artifact.manifest
    expect(labels).toEqual(['anger', 'calm', 'joy'])
    expect(made.parameters['from']).toBe('hf:some/one')
    expect(evaluations[0].metrics['accuracy'].value).toBeGreaterThan(0.9)
  })
})

test('a folder with a manifest is a version, and no checkpoint', async () => {
  expect(await isCheckpoint(folder)).toBe(true)
  expect(await isCheckpoint(tmpdir())).toBe(false)
})
