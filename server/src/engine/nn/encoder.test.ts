import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Step } from '../fit/trainable.ts'
import { toOnnx } from '../graph/toOnnx.ts'
import { encodeModel } from '../onnx/encode.ts'
import { openSession, runTensor, type Session, valuesOf } from '../session.ts'
import { type ClassifierConfig, encoderClassifier, encoderServing } from './encoder.ts'
import { tinyEncoder } from './fixtures.ts'
import { weightsOf } from './serving.ts'

const config = tinyEncoder

/** A start with large weights: from the usual one, all texts look alike. */
const loud = (config: ClassifierConfig) =>
  encoderClassifier(config, {
    seed: 3,
    known: (name, [rows, columns = 0]) =>
      columns === 0 ? null : Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i * 12.9 + name.length)),
  })

const served = (config: ClassifierConfig, layout: 'plain' | 'packed' = 'plain'): Promise<Session> =>
  openSession(encodeModel(encoderServing(config, weightsOf(loud(config).parameters), layout)))

async function logitsOf(session: Session, ids: readonly (readonly number[])[], length: number): Promise<number[][]> {
  const flat = (of: (row: readonly number[], t: number) => number) =>
    runTensor('int64', BigInt64Array.from(ids.flatMap((row) => Array.from({ length }, (_, t) => BigInt(of(row, t))))), [
      ids.length,
      length,
    ])
  const { logits } = await session.run({
    input_ids: flat((row, t) => row[t] ?? 0),
    attention_mask: flat((row, t) => (t < row.length ? 1 : 0)),
  })
  const values = valuesOf('float32', logits)
  return ids.map((_, row) => [...values.subarray(2 * row, 2 * row + 2)])
}

/** To 1e-5 of the largest logit. */
function expectSame(found: readonly number[], wanted: readonly number[]): void {
  const scale = Math.max(1, ...wanted.map(Math.abs))
  for (const [k, logit] of wanted.entries()) expect(Math.abs(found[k] - logit)).toBeLessThanOrEqual(1e-5 * scale)
}

const text = fc.array(fc.integer({ min: 1, max: 29 }), { minLength: 1, maxLength: 12 })

test.each([
  ['plain', 'cls'],
  ['plain', 'mean'],
  ['packed', 'cls'],
  ['packed', 'mean'],
] as const)('%s, %s: a batch with padding says of each text what it says of it alone', async (layout, pooling) => {
  const session = await served({ ...config, pooling }, layout)
  await fc.assert(
    fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 4 }), async (ids) => {
      const together = await logitsOf(session, ids, 12)
      for (const [row, one] of ids.entries()) {
        const [alone] = await logitsOf(session, [one], one.length)
        alone.forEach((logit, k) => expect(together[row][k]).toBeCloseTo(logit, 4))
      }
    }),
    { numRuns: 20 },
  )
  await session.close()
})

test.each([
  config,
  { ...config, pooling: 'mean', heads: 1 },
  { ...config, norm: 'pre', typeVocabulary: 2, head: 'tanh' },
  { ...config, family: 'roberta', firstPosition: 2, positions: 14, layers: 1 },
] as const)('a packed encoder gives the logits of the plain one, wherever the padding is', async (config) => {
  const [plain, packed] = [await served(config), await served(config, 'packed')]
  await fc.assert(
    fc.asyncProperty(
      fc.array(text, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 0, max: 3 }),
      async (ids, more) => {
        // Rows may also all be shorter than the batch.
        const length = Math.min(12, Math.max(...ids.map((row) => row.length)) + more)
        const [wanted, found] = [await logitsOf(plain, ids, length), await logitsOf(packed, ids, length)]
        for (const [row, logits] of wanted.entries()) expectSame(found[row], logits)
      },
    ),
    { numRuns: 40 },
  )
  await plain.close()
  await packed.close()
})

test.each(['cls', 'mean'] as const)('%s: the order of words matters, and so does each word', async (pooling) => {
  const session = await served({ ...config, pooling })
  const [there, turned, other] = await logitsOf(
    session,
    [
      [3, 4, 5],
      [3, 5, 4],
      [3, 4, 6],
    ],
    3,
  )
  await session.close()
  expect(Math.abs(there[0] - turned[0])).toBeGreaterThan(1e-4)
  expect(Math.abs(there[0] - other[0])).toBeGreaterThan(1e-4)
})

test('dropout is where BERT has it, of the size of what it drops, and nowhere in an evaluation', async () => {
  const trainable = encoderClassifier(config, { seed: 1 })
  const bucket = { rows: 4, length: 6 }
  const step = await trainable.step(bucket)
  expect(Object.fromEntries(step.masks.map(({ feed, shape }) => [feed, shape]))).toEqual({
    'mask.embeddings': [24, 8],
    'mask.layer.0.attention': [4, 2, 6, 6],
    'mask.layer.0.attentionOutput': [24, 8],
    'mask.layer.0.output': [24, 8],
    // Of the last layer, the first token alone is asked for.
    'mask.layer.1.attention': [4, 2, 1, 6],
    'mask.layer.1.attentionOutput': [4, 8],
    'mask.layer.1.output': [4, 8],
  })
  expect(step.masks.every(({ keep }) => keep === 0.9)).toBe(true)
  expect((await trainable.evaluationStep(bucket)).masks).toEqual([])
})

test('a parameter that does not learn has no gradient, and is fed all the same', async () => {
  const trainable = encoderClassifier(config, { seed: 1, learns: (name) => name.startsWith('classifier') })
  const step = await trainable.step({ rows: 2, length: 3 })
  expect(Object.keys(step.gradients).sort()).toEqual(['classifier.bias', 'classifier.weight'])
  expect(inputsOf(step)).toContain('bert.embeddings.word_embeddings.weight')
})

test('distillation weighs the probabilities of the teacher by its share', async () => {
  const loss = async (share: number, teacher: number): Promise<number> => {
    const trainable = encoderClassifier(config, { seed: 3, distillation: { temperature: 2, share } })
    const evaluation = await trainable.evaluationStep({ rows: 1, length: 2 })
    const session = await openSession(encodeModel(toOnnx(evaluation.graph)))
    const outputs = await session.run({
      ...Object.fromEntries(
        trainable.parameters.map(({ name, shape, initial }) => [name, runTensor('float32', initial, shape)]),
      ),
      input_ids: runTensor('int64', BigInt64Array.of(3n, 4n), [1, 2]),
      attention_mask: runTensor('int64', BigInt64Array.of(1n, 1n), [1, 2]),
      targets: runTensor('float32', Float32Array.of(1, 0), [1, 2]),
      row_weights: runTensor('float32', Float32Array.of(1), [1]),
      teacher: runTensor('float32', Float32Array.of(1 - teacher, teacher), [1, 2]),
    })
    await session.close()
    return valuesOf('float32', outputs[evaluation.loss])[0]
  }
  expect(await loss(0, 0.9)).toBeCloseTo(await loss(0, 0.1), 6)
  const [hard, soft] = [await loss(0, 0.7), await loss(1, 0.7)]
  expect(await loss(0.25, 0.7)).toBeCloseTo(0.75 * hard + 0.25 * soft, 5)
})

const inputsOf = (step: Step): string[] => step.graph.inputs.map(({ name }) => name)
