import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TrainingEvent } from '../../../domain/trainingRun.ts'
import { wordPieceTokenizer } from '../../../engine/tokenize/fromVocabulary.ts'
import { readTokenizer } from '../../../engine/tokenize/tokenizer.ts'
import { seededRandom } from '../../../math/random.ts'
import { transformerRecipes } from '../../../models/text/transformer/recipes.ts'
import { specialTokens } from '../../../models/text/wordPiece/buildVocabulary.ts'
import { pretrain } from './pretrain.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'barometer-pretrain-'))
})
afterAll(() => rm(folder, { recursive: true }))

const WORDS = 20

/** Texts in which each word is followed by the next one of a list, the last by the first. A hidden word follows from its neighbours alone. */
function counting(count: number, seed: number): string[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, () => {
    const from = Math.floor(random() * WORDS)
    return Array.from({ length: 16 }, (_, i) => `w${(from + i) % WORDS}`).join(' ')
  })
}

test('a body learns to say which word was hidden, far beyond how often each occurs', async () => {
  const words = Array.from({ length: WORDS }, (_, i) => `w${i}`)
  const tokenizer = new TextEncoder().encode(
    JSON.stringify(
      wordPieceTokenizer([...specialTokens, ...words], { lowercase: true, stripAccents: null, handleChinese: true }),
    ),
  )
  const { small } = transformerRecipes
  const notes: string[] = []
  const onEvent = (event: TrainingEvent): void => {
    if (event.kind === 'note') notes.push(event.words)
  }
  await pretrain(
    {
      recipe: {
        ...small,
        shape: {
          vocabulary: 100,
          width: 32,
          layers: 1,
          heads: 2,
          inner: 64,
          pooling: 'mean',
          norm: 'pre',
          dropout: 0,
          attentionDropout: 0,
        },
        maxLength: 32,
        pretrainEpochs: 12,
        pretrainLearningRate: 5e-3,
      },
      tokenizer: readTokenizer(tokenizer, { maxLength: 1000 }),
      seed: 1,
      threads: 1,
      texts: counting(600, 1),
      heldOut: counting(100, 2),
      identity: '',
    },
    { onEvent, signal: new AbortController().signal, folder },
  )
  // The words occur alike, so without their neighbours each costs ln 20 = 3 nats.
  const loss = Number(/loss ([\d.]+)/.exec(notes[notes.length - 1])?.[1])
  expect(loss).toBeLessThan(0.5 * Math.log(WORDS))
})
