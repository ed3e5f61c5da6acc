/** A task that a tiny encoder learns in seconds: does a text have more of the words 10–19 than of 20–29? */
import { seededRandom } from '../../math/random.ts'
import { encoderClassifier } from '../nn/encoder.ts'
import { dropoutOf } from '../nn/encoderLayers.ts'
import { type Examples, floats, words } from './examples.ts'
import type { FitOptions, Held } from './fit.ts'
import type { Trainable } from './trainable.ts'

export const buckets = [
  { rows: 8, length: 8 },
  { rows: 8, length: 16 },
]

export function tinyEncoder(seed: number, dropout: number): Trainable {
  return encoderClassifier(
    {
      family: 'bert',
      vocabulary: 40,
      width: 16,
      layers: 1,
      heads: 2,
      inner: 32,
      positions: 16,
      firstPosition: 0,
      typeVocabulary: 0,
      norm: 'pre',
      epsilon: 1e-5,
      activation: 'gelu',
      dropout: dropoutOf(dropout),
      labels: 2,
      pooling: 'mean',
      head: 'linear',
    },
    { seed },
  )
}

export function wordTexts(count: number, seed: number): { examples: Examples; labels: Uint8Array } {
  const random = seededRandom(seed)
  const texts = Array.from({ length: count }, () =>
    Array.from({ length: 3 + Math.floor(14 * random()) }, () => 10 + Math.floor(20 * random())),
  )
  const labels = Uint8Array.from(texts, (ids) => {
    const first = ids.filter((id) => id < 20).length
    return first > ids.length - first ? 1 : 0
  })
  const examples: Examples = {
    count,
    length: (i) => texts[i].length,
    fill: (rows, { length }, feeds) => {
      const ids = words(feeds, 'input_ids').fill(0)
      const mask = words(feeds, 'attention_mask').fill(0)
      const targets = floats(feeds, 'targets').fill(0)
      const weights = floats(feeds, 'row_weights').fill(0)
      for (const [row, i] of rows.entries()) {
        for (const [at, id] of texts[i].slice(0, length).entries()) {
          ids[2 * (row * length + at)] = id
          mask[2 * (row * length + at)] = 1
        }
        targets[2 * row + labels[i]] = 1
        weights[row] = 1
      }
    },
  }
  return { examples, labels }
}

/** Held-out texts, measured by their accuracy. */
export function heldTexts(count: number, seed: number): Held {
  const { examples, labels } = wordTexts(count, seed)
  const isRight = (logits: Float32Array, i: number): boolean =>
    labels[i] === (logits[2 * i + 1] > logits[2 * i] ? 1 : 0)
  const measure = (logits: Float32Array) => ({
    accuracy: labels.reduce((sum, _, i) => sum + (isRight(logits, i) ? 1 : 0), 0) / count,
  })
  return { examples, buckets, measure }
}

export const options: FitOptions = {
  seed: 1,
  epochs: 4,
  buckets,
  accumulate: 1,
  learningRate: 3e-3,
  schedule: { kind: 'cosine', warmUpShare: 0.1, floor: 0 },
  adamw: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.01 },
  clip: 1,
  earlyStopping: Infinity,
  watch: { metric: 'loss', better: 'lower' },
  threads: 1,
  checkpointSeconds: 1000,
  identity: 'tiny',
}
