import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Fault } from '../../domain/faults.ts'
import { openSession, runTensor, valuesOf } from '../session.ts'
import type { Encoding } from '../tokenize/encoding.ts'
import { explainByGradients } from './explainByGradients.ts'
import { explainByOcclusion, type LogitsOf } from './explainByOcclusion.ts'
import { centred, type GradientExplainer, openGradients } from './integratedGradients.ts'
import { wordsOf } from './words.ts'

const GOLDEN = join(import.meta.dirname, '../../../test/golden')
const read = (family: string, file: string) => readFileSync(join(GOLDEN, 'imported', family, file))

interface Golden {
  readonly ids: readonly number[]
  readonly baseline: readonly number[]
  readonly padId: number
  readonly attributions: readonly (readonly number[])[]
  readonly logits: readonly number[]
  readonly baselineLogits: readonly number[]
}
const golden: Readonly<Record<string, Golden>> = JSON.parse(
  readFileSync(join(GOLDEN, 'explain/integrated.json'), 'utf8'),
)

const exportsOf = [
  ['distilbert', 'script-eager-11.onnx'],
  ['distilbert', 'dynamo-sdpa-18.onnx'],
  ['bert', 'script-sdpa-14.onnx'],
  ['roberta', 'script-eager-14.onnx'],
  ['roberta', 'dynamo-sdpa-18.onnx'],
] as const

describe.each(exportsOf)('integrated gradients of %s/%s', (family, file) => {
  const { ids, baseline, padId, attributions, logits, baselineLogits } = golden[family]
  let explainer: GradientExplainer
  beforeAll(async () => {
    explainer = await openGradients(read(family, file), { maxLength: 24, padId })
  })
  afterAll(() => explainer.close())

  test('are those of PyTorch in float64, with 4,000 steps', async () => {
    const exact = await openGradients(read(family, file), { maxLength: 24, padId, roughness: 0.001 })
    const made = await exact.attribute(Int32Array.from(ids), Int32Array.from(baseline))
    await exact.close()
    const largest = Math.max(...attributions.flat().map(Math.abs))
    for (const [i, expected] of attributions.flat().entries())
      expect(Math.abs(made.perToken[i] - expected), `token ${Math.floor(i / 3)}`).toBeLessThan(0.002 * largest)
    for (const [k, z] of logits.entries()) expect(made.logits[k]).toBeCloseTo(z, 4)
    for (const [k, z] of baselineLogits.entries()) expect(made.baseline[k]).toBeCloseTo(z, 4)
  })

  test('sum to the difference of the logits within one per cent, for any text and baseline', async () => {
    const someIds = fc.array(fc.integer({ min: 4, max: 59 }), { minLength: 1, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(someIds, fc.integer({ min: 2, max: 59 }), async (ids, baselineId) => {
        const from = ids.map((id, t) => (t % 5 === 0 ? id : baselineId))
        const made = await explainer.attribute(Int32Array.from(ids), Int32Array.from(from))
        for (let k = 0; k < 3; k++) {
          let sum = 0
          for (let t = 0; t < ids.length; t++) sum += made.perToken[t * 3 + k]
          const difference = made.logits[k] - made.baseline[k]
          expect(Math.abs(sum - difference)).toBeLessThanOrEqual(0.01 * Math.max(0.1, Math.abs(difference)))
        }
        // What does not change along the path adds nothing.
        for (const [t, id] of ids.entries())
          if (from[t] === id) expect(made.perToken.subarray(t * 3, t * 3 + 3).every((x) => x === 0)).toBe(true)
      }),
      { numRuns: 12 },
    )
  })
})

test('texts that are asked for at the same time do not disturb each other', async () => {
  const explainer = await openGradients(read('bert', 'script-sdpa-14.onnx'), { maxLength: 24, padId: 0 })
  const texts = [
    [4, 9, 5],
    [4, 31, 9, 55, 17, 42, 5, 8, 9, 10, 11],
    [4, 17, 5],
  ].map((ids) => Int32Array.from(ids))
  const none = (ids: Int32Array) => ids.map((id, t) => (t === 0 || t === ids.length - 1 ? id : 2))
  const together = await Promise.all(texts.map((ids) => explainer.attribute(ids, none(ids))))
  for (const [i, ids] of texts.entries()) expect(await explainer.attribute(ids, none(ids))).toEqual(together[i])
  await explainer.close()
})

test('a quantised model has no gradients, and says what helps', async () => {
  const opening = openGradients(read('distilbert', 'quantized.onnx'), { maxLength: 24, padId: 0 })
  await expect(opening).rejects.toThrow(Fault)
})

/** One token a word, between two special ones. */
function encodingOf(text: string): Encoding {
  const words = [...text.matchAll(/\p{L}+|[^\p{L}\s]/gu)]
  const id = (word: string) => 6 + ((word.charCodeAt(0) + 7 * word.length) % 50)
  return {
    ids: Int32Array.from([4, ...words.map(([word]) => id(word)), 5]),
    typeIds: new Int32Array(words.length + 2),
    starts: Int32Array.from([0, ...words.map(({ index }) => index), text.length]),
    ends: Int32Array.from([0, ...words.map(({ index, 0: word }) => index + word.length), text.length]),
    tokens: words.length,
    unknown: 0,
    truncated: false,
  }
}

describe('an explanation', async () => {
  const model = read('distilbert', 'script-sdpa-17.onnx')
  const explainer = await openGradients(model, { maxLength: 24, padId: 0 })
  const session = await openSession(model)
  afterAll(async () => {
    await explainer.close()
    await session.close()
  })
  const logitsOf: LogitsOf = async (sequences) => {
    const length = sequences[0].length
    const shape = [sequences.length, length]
    const ids = BigInt64Array.from(sequences.flatMap((ids) => Array.from(ids, BigInt)))
    const seen = await session.run({
      input_ids: runTensor('int64', ids, shape),
      attention_mask: runTensor('int64', new BigInt64Array(ids.length).fill(1n), shape),
    })
    const logits = valuesOf('float32', seen[session.outputs[0]])
    return sequences.map((_, row) => logits.slice(row * 3, row * 3 + 3))
  }
  const text = 'Not a good film, sadly 😀'
  const asked = { baselineId: 2, temperature: 1.5 }
  const encoding = encodingOf(text)

  test.each(['gradients', 'occlusion'])('by %s: bias and spans sum to the calibrated logits', async (method) => {
    const { logits, bias, spans, features } =
      method === 'gradients'
        ? (await explainByGradients(text, encoding, explainer, asked)).explanation
        : await explainByOcclusion(text, encoding, logitsOf, asked)
    const [raw] = await logitsOf([encoding.ids])
    for (const [k, z] of centred(raw).entries()) {
      expect(logits[k]).toBeCloseTo(z / 1.5, 5)
      expect(bias[k] + spans.reduce((sum, span) => sum + span.contributions[k], 0)).toBeCloseTo(logits[k], 10)
    }
    expect(spans.map(({ start, end }) => text.slice(start, end))).toEqual([
      'Not',
      'a',
      'good',
      'film',
      ',',
      'sadly',
      '😀',
    ])
    expect(features).toHaveLength(7)
    const strengths = features.map(({ contributions }) => Math.max(...contributions.map(Math.abs)))
    expect(strengths).toEqual([...strengths].sort((a, b) => b - a))
  })

  test('by occlusion says of a word what the logits lose without it', async () => {
    const { spans } = await explainByOcclusion(text, encoding, logitsOf, asked)
    const [whole, without] = (await logitsOf([encoding.ids, encoding.ids.map((id, t) => (t === 3 ? 2 : id))])).map(
      centred,
    )
    for (const [k, z] of whole.entries()) expect(spans[2].contributions[k]).toBeCloseTo((z - without[k]) / 1.5, 5)
  })

  test('of an empty text is all bias', async () => {
    const { explanation } = await explainByGradients('', encodingOf(''), explainer, asked)
    expect(explanation.spans).toEqual([])
    expect(explanation.bias).toEqual(explanation.logits)
  })
})

test('pieces of a word are one word, and what only touches is not', () => {
  const text = "un##happy don't, 10€ 日本"
  const pieces: [number, number][] = [
    [0, 0],
    [0, 2],
    [4, 7],
    [7, 9],
    [10, 13],
    [13, 15],
    [15, 16],
    [17, 19],
    [19, 20],
    [21, 22],
    [22, 23],
  ]
  const encoding = {
    ids: new Int32Array(pieces.length),
    starts: Int32Array.from(pieces, ([start]) => start),
    ends: Int32Array.from(pieces, ([, end]) => end),
  }
  const words = wordsOf(text, { ...encoding, typeIds: new Int32Array(0), tokens: 10, unknown: 0, truncated: false })
  expect(words.map(({ start, end }) => text.slice(start, end))).toEqual([
    'un',
    'happy',
    "don't",
    ',',
    '10',
    '€',
    '日本',
  ])
  expect(words[1].tokens).toEqual([2, 3])
})
