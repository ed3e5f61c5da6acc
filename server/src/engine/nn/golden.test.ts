/** PyTorch says what loss and gradients are: test/golden/nn/nn.py, autograd in float64. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Step, Trainable } from '../fit/trainable.ts'
import { sizeOf } from '../graph/tensor.ts'
import { toOnnx } from '../graph/toOnnx.ts'
import { readSafetensors } from '../import/safetensors.ts'
import { encodeModel } from '../onnx/encode.ts'
import type { OnnxModel } from '../onnx/model.ts'
import { openSession, type RunTensor, runTensor, valuesOf } from '../session.ts'
import { type ClassifierConfig, encoderClassifier, encoderServing } from './encoder.ts'
import { dropoutOf } from './encoderLayers.ts'
import type { Known } from './initialise.ts'
import { fillTarget } from './losses.ts'
import { lstmClassifier } from './lstm.ts'
import { maskedWords } from './maskedWords.ts'
import { weightsOf } from './serving.ts'

/** Relative to the largest of a tensor. */
const TOLERANCE = 1e-5

const body = {
  vocabulary: 20,
  width: 8,
  layers: 2,
  heads: 2,
  inner: 16,
  positions: 9,
  epsilon: 1e-12,
  activation: 'gelu',
  dropout: dropoutOf(0),
} as const
const bert = { ...body, family: 'bert', firstPosition: 0, typeVocabulary: 2, norm: 'post' } as const
const classifiers: Record<string, ClassifierConfig> = {
  bert: { ...bert, labels: 3, pooling: 'cls', head: 'tanh' },
  distilbert: { ...bert, family: 'distilbert', typeVocabulary: 0, labels: 3, pooling: 'cls', head: 'relu' },
  roberta: {
    ...bert,
    family: 'roberta',
    typeVocabulary: 1,
    firstPosition: 2,
    labels: 3,
    pooling: 'cls',
    head: 'tanh',
  },
  normFirst: { ...bert, typeVocabulary: 0, norm: 'pre', epsilon: 1e-5, labels: 3, pooling: 'mean', head: 'linear' },
}

for (const [name, config] of Object.entries(classifiers)) {
  test(`${name}: loss, logits and every gradient are PyTorch's, class weights and label smoothing included`, async () => {
    const golden = read(name)
    const trainable = encoderClassifier(config, { seed: 1, known: golden.known })
    const targets = new Float32Array(9)
    const rowWeights = Float32Array.from([2, 0, 1], (label, row) =>
      fillTarget(targets, row, label, 3, { smoothing: 0.1, classWeights: [1, 2, 0.5] }),
    )
    const feeds = { ...golden.ids, targets: floats(targets, [3, 3]), row_weights: floats(rowWeights, [3]) }
    await agrees(golden, trainable, { rows: 3, length: 6 }, feeds)
  })

  test.each(['plain', 'packed'] as const)(`${name}: what serves (%s) says the same, row by row`, async (layout) => {
    const golden = read(name)
    const { parameters } = encoderClassifier(config, { seed: 1, known: golden.known })
    const model = encoderServing(config, weightsOf(parameters), layout)
    const all = await run(model, golden.ids, ['logits'])
    expect(distance(all['logits'], golden.tensor('logits'))).toBeLessThan(TOLERANCE)
    for (const [row, length] of [6, 3, 5].entries()) {
      const cut = (name: string) => {
        const values = valuesOf('int64', golden.ids[name]).slice(6 * row, 6 * row + length)
        return runTensor('int64', values, [1, length])
      }
      const feeds = { input_ids: cut('input_ids'), attention_mask: cut('attention_mask') }
      const alone = await run(model, feeds, ['logits'])
      expect(distance(alone['logits'], golden.tensor('logits').subarray(3 * row, 3 * row + 3))).toBeLessThan(TOLERANCE)
    }
  })
}

test("masked words: loss and every gradient are PyTorch's, the tied table's from both its uses", async () => {
  const golden = read('maskedWords')
  const trainable = maskedWords(bert, { seed: 1, known: golden.known })
  const feeds = {
    ...golden.ids,
    word_positions: golden.ints('word_positions'),
    word_targets: golden.ints('word_targets'),
    row_weights: floats(Float32Array.of(1, 1, 0), [3]),
  }
  await agrees(golden, trainable, { rows: 3, length: 6 }, feeds)
})

test("a two-layer LSTM: loss, logits and every gradient are PyTorch's", async () => {
  const golden = read('lstm')
  const config = { features: 3, units: 4, layers: 2, hidden: 5, dropout: 0 }
  const feeds = Object.fromEntries(
    [['window', 5, 7, 3] as const, ['targets', 5, 1] as const, ['row_weights', 5] as const].map(([name, ...shape]) => [
      name,
      floats(golden.tensor(`feed.${name}`), shape),
    ]),
  )
  await agrees(golden, lstmClassifier(config, { seed: 1, known: golden.known }), { rows: 5, length: 7 }, feeds)
})

async function agrees(
  golden: Golden,
  trainable: Trainable,
  bucket: { rows: number; length: number },
  feeds: Record<string, RunTensor>,
): Promise<void> {
  for (const { name } of trainable.parameters) expect(golden.has(name), name).toBe(true)
  const weights = Object.fromEntries(
    trainable.parameters.map(({ name, initial, shape }) => [name, floats(initial, shape)]),
  )
  const evaluation = await trainable.evaluationStep(bucket)
  const seen = await run(toOnnx(evaluation.graph), { ...weights, ...feeds }, ['logits', evaluation.loss])
  expect(distance(seen['logits'], golden.tensor('logits'))).toBeLessThan(TOLERANCE)
  expect(distance(seen[evaluation.loss], golden.tensor('loss'))).toBeLessThan(TOLERANCE)

  const step = await trainable.step(bucket)
  expect(step.masks).toEqual([])
  const learned = await run(toOnnx(step.graph), { ...weights, ...feeds })
  expect(distance(learned[step.loss], golden.tensor('loss'))).toBeLessThan(TOLERANCE)
  const largest = Math.max(...trainable.parameters.map(({ name }) => most(golden.tensor(`g.${name}`))))
  for (const { name, shape } of trainable.parameters) {
    const gradient = wholeGradient(step, name, shape, learned, feeds)
    // A key's bias moves all scores of a query alike, so its gradient is 0: what rounding leaves has no size of its own.
    const nothing = /key\.bias|k_lin\.bias/.test(name)
    const least = nothing ? largest : largest * 1e-3
    expect(distance(gradient, golden.tensor(`g.${name}`), least), name).toBeLessThan(TOLERANCE)
  }
}

/** As the trainer puts it together: dense outputs as they are, rows added to the rows of the table. */
function wholeGradient(
  step: Step,
  name: string,
  shape: readonly number[],
  outputs: Record<string, Float32Array>,
  feeds: Record<string, RunTensor>,
): Float32Array {
  const gradient = new Float32Array(sizeOf(shape))
  for (const part of step.gradients[name] ?? []) {
    const values = outputs[part.output]
    if (part.kind === 'dense') values.forEach((x, i) => (gradient[i] += x))
    else {
      const width = shape[1]
      valuesOf('int64', feeds[part.ids]).forEach((id, row) => {
        for (let k = 0; k < width; k++) gradient[Number(id) * width + k] += values[row * width + k]
      })
    }
  }
  return gradient
}

async function run(
  model: OnnxModel,
  feeds: Record<string, RunTensor>,
  names?: readonly string[],
): Promise<Record<string, Float32Array>> {
  const session = await openSession(encodeModel(model))
  try {
    const fed = Object.fromEntries(session.inputs.map((name) => [name, feeds[name]]))
    const outputs = await session.run(fed, names)
    return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, valuesOf('float32', tensor)]))
  } finally {
    await session.close()
  }
}

type Golden = ReturnType<typeof read>

function read(name: string) {
  const bytes = readFileSync(new URL(`../../../test/golden/nn/${name}.safetensors`, import.meta.url))
  const tensors = readSafetensors(bytes)
  const found = (key: string) => {
    const tensor = tensors.get(key)
    if (!tensor) throw new Error(`${name} has no ${key}`)
    return tensor
  }
  const ints = (feed: string): RunTensor => int64Of(bytes, `feed.${feed}`)
  const known: Known = (key) => found(`w.${key}`).values
  const withIds = name !== 'lstm'
  return {
    known,
    ints,
    has: (key: string) => tensors.has(`w.${key}`),
    tensor: (key: string) => found(key).values,
    ids: (withIds ? { input_ids: ints('input_ids'), attention_mask: ints('attention_mask') } : {}) as Record<
      string,
      RunTensor
    >,
  }
}

/** The one kind of tensor that the reader of weights leaves out. */
function int64Of(file: Uint8Array, name: string): RunTensor {
  const length = Number(new DataView(file.buffer, file.byteOffset, 8).getBigUint64(0, true))
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as Record<
    string,
    { shape: number[]; data_offsets: [number, number] }
  >
  const { shape, data_offsets: offsets } = header[name]
  const bytes = file.slice(8 + length + offsets[0], 8 + length + offsets[1])
  return runTensor('int64', new BigInt64Array(bytes.buffer, bytes.byteOffset, sizeOf(shape)), shape)
}

const floats = (values: Float32Array, shape: readonly number[]): RunTensor => runTensor('float32', values, shape)

const most = (values: Float32Array): number => values.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0)

function distance(ours: Float32Array, theirs: Float32Array, least = 0): number {
  expect(ours.length).toBe(theirs.length)
  return most(ours.map((x, i) => x - theirs[i])) / Math.max(most(theirs), least)
}
