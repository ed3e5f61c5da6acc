import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ParameterSpec, Step } from '../fit/trainable.ts'
import { toOnnx } from '../graph/toOnnx.ts'
import { type ClassifierConfig, encoderClassifier, encoderServing } from '../nn/encoder.ts'
import { dropoutOf } from '../nn/encoderLayers.ts'
import { tinyEncoder } from '../nn/fixtures.ts'
import { weightsOf } from '../nn/serving.ts'
import { decodeModel } from '../onnx/decode.ts'
import { encodeModel } from '../onnx/encode.ts'
import { openSession, type RunTensors, runTensor, valuesOf } from '../session.ts'
import { importCheckpoint } from './importCheckpoint.ts'
import { type ImportedExport, importExport } from './importExport.ts'
import { readSafetensors } from './safetensors.ts'

const GOLDEN = join(import.meta.dirname, '../../../test/golden/imported')
const ROWS = 3
const LENGTH = 9
const LABELS = 3

interface Golden {
  readonly inputs: Readonly<Record<'input_ids' | 'attention_mask', readonly (readonly number[])[]>>
  readonly labels: readonly number[]
  readonly logits: readonly (readonly number[])[]
  readonly loss: number
  readonly sharedLoss?: number
  /** By file and initializer: the weight of the checkpoint, and whether it lies transposed. */
  readonly exports: Readonly<Record<string, Readonly<Record<string, readonly [string, boolean]>>>>
}

const families = ['distilbert', 'bert', 'roberta', 'xlm-roberta']
const exportsOf = families.flatMap((family) =>
  Object.keys(goldenOf(family).exports).map((file) => [family, file] as const),
)

describe.each(exportsOf)('%s/%s', (family, file) => {
  const golden = goldenOf(family)
  const bytes = read(family, file)
  const isShared = file === 'shared.onnx'

  test('loss and every gradient are PyTorch’s to 1e-5', async () => {
    const { trainable } = await importExport(bytes, { recognise: false })
    const step = await trainable.step({ rows: ROWS, length: LENGTH })
    const results = await runStep(step, trainable.parameters, golden)
    expect(Math.abs(results.loss - (isShared ? (golden.sharedLoss ?? 0) : golden.loss))).toBeLessThan(2e-6)
    const wanted = readSafetensors(read(family, isShared ? 'shared.gradients.safetensors' : 'gradients.safetensors'))
    expect(trainable.parameters.length).toBe(wanted.size)
    for (const { name, shape } of trainable.parameters) {
      const [weight, isTransposed] = golden.exports[file]?.[name] ?? ['', false]
      const gradient = wanted.get(weight)?.values
      const found = isTransposed ? transposed(results.gradients[name], shape) : results.gradients[name]
      expect(relativeError(found, gradient), `${name} (${weight})`).toBeLessThan(1e-5)
    }
  })

  test('an evaluation gives the logits of the export', async () => {
    const { trainable } = await importExport(bytes, { recognise: false })
    const step = await trainable.evaluationStep({ rows: ROWS, length: LENGTH })
    expect(step.gradients).toEqual({})
    if (isShared) return
    const { logits } = await runStep(step, trainable.parameters, golden)
    for (const [i, logit] of golden.logits.flat().entries()) expect(logits?.[i]).toBeCloseTo(logit, 5)
  })

  test('it is recognised as an encoder, which has the same loss and gradients', async () => {
    const { trainable, encoder } = await importExport(bytes, { dropout: dropoutOf(0) })
    expect(encoder).toMatchObject({ layers: 2, width: 16, heads: 2, inner: 32, labels: LABELS })
    const step = await trainable.step({ rows: ROWS, length: LENGTH })
    const { loss, gradients } = await runStep(step, trainable.parameters, golden)
    expect(Math.abs(loss - (isShared ? (golden.sharedLoss ?? 0) : golden.loss))).toBeLessThan(2e-6)
    for (const [name, { values }] of readSafetensors(
      read(family, isShared ? 'shared.gradients.safetensors' : 'gradients.safetensors'),
    ))
      expect(relativeError(gradients[name], values), name).toBeLessThan(1e-5)
  })

  test.each([true, false])('the file with the weights that it has is the file (recognised: %s)', async (recognise) => {
    const imported = await importExport(bytes, { recognise })
    const again = imported.withWeights(initialOf(imported))
    if (isShared) expect(again.length).toBeGreaterThan(bytes.length)
    else expect(Buffer.compare(again, bytes)).toBe(0)
    expect(await logitsOf(again, golden)).toEqual(await logitsOf(bytes, golden))
  })
})

test.each([true, false])(
  'tuned weights go back, each to its own where equal ones were kept once (recognised: %s)',
  async (recognise) => {
    const golden = goldenOf('distilbert')
    const imported = await importExport(read('distilbert', 'shared.onnx'), { recognise })
    const { parameters } = imported.trainable
    const moved = new Map(
      parameters.map(({ name, initial }, n) => [name, initial.map((w, i) => w + Math.sin(i + n) / 30)]),
    )
    const tuned = imported.withWeights((name) => moved.get(name) ?? new Float32Array())

    const again = await importExport(tuned, { recognise })
    const found = new Map(again.trainable.parameters.map(({ name, initial }) => [name, initial]))
    expect(found.size).toBe(parameters.length)
    for (const [name, values] of moved) expect(found.get(name), name).toEqual(values)
    const evaluation = await imported.trainable.evaluationStep({ rows: ROWS, length: LENGTH })
    const asTrained = await runStep(
      evaluation,
      parameters.map((spec) => ({ ...spec, initial: moved.get(spec.name) ?? spec.initial })),
      golden,
    )
    for (const [i, logit] of (await logitsOf(tuned, golden)).entries())
      expect(asTrained.logits?.[i]).toBeCloseTo(logit, 5)
  },
)

test('a model of our own serves and is imported again: the same loss and gradients as where it came from', async () => {
  const golden = goldenOf('distilbert')
  const { serving } = importCheckpoint({
    'config.json': read('distilbert', 'config.json'),
    'model.safetensors': read('distilbert', 'model.safetensors'),
  })
  const { trainable } = await importExport(encodeModel(serving()), { recognise: false })
  const step = await trainable.step({ rows: ROWS, length: LENGTH })
  const { loss, gradients } = await runStep(step, trainable.parameters, golden)
  expect(Math.abs(loss - golden.loss)).toBeLessThan(2e-6)
  for (const [name, { values }] of readSafetensors(read('distilbert', 'gradients.safetensors')))
    expect(relativeError(gradients[name], values), name).toBeLessThan(1e-5)
})

test.each([
  { norm: 'pre', pooling: 'mean', head: 'linear' },
  { norm: 'pre', pooling: 'cls', head: 'tanh' },
  { norm: 'post', pooling: 'mean', head: 'linear' },
] as const)('a model from scratch ($norm, $pooling, $head) is recognised as what it is', async (kind) => {
  const config: ClassifierConfig = {
    ...tinyEncoder,
    vocabulary: 50,
    width: 12,
    heads: 3,
    inner: 20,
    positions: 16,
    epsilon: 1e-5,
    activation: 'relu',
    labels: 4,
    ...kind,
  }
  const { parameters } = encoderClassifier(config, { seed: 5 })
  // Weights as large as trained ones, else every pooling gives nearly the same.
  const large = parameters.map((spec) => ({
    ...spec,
    initial: spec.decays ? spec.initial.map((w) => 15 * w) : spec.initial,
  }))
  const { encoder, withWeights } = await importExport(encodeModel(encoderServing(config, weightsOf(large))))
  expect({ ...encoder, epsilon: Math.fround(config.epsilon) }).toEqual({
    ...config,
    epsilon: Math.fround(config.epsilon),
  })
  const again = withWeights((name) => large.find((spec) => spec.name === name)?.initial ?? new Float32Array())
  expect(Buffer.compare(again, encodeModel(encoderServing(config, weightsOf(large))))).toBe(0)
})

test('a graph that only looks like an encoder is not taken for one', async () => {
  const model = decodeModel(read('distilbert', 'script-sdpa-17.onnx'))
  const nodes = model.graph.nodes.map((node) => (node.op === 'Relu' ? { ...node, op: 'Tanh' } : node))
  const { encoder, trainable } = await importExport(encodeModel({ ...model, graph: { ...model.graph, nodes } }))
  expect(encoder).toBeNull()
  expect((await trainable.evaluationStep({ rows: 1, length: 4 })).graph.nodes.some(({ op }) => op === 'Tanh')).toBe(
    true,
  )
})

test('a parameter that does not learn is fed but has no gradient', async () => {
  const { trainable } = await importExport(read('distilbert', 'script-sdpa-17.onnx'), {
    learns: (name) => name.startsWith('classifier'),
  })
  const step = await trainable.step({ rows: 2, length: 5 })
  expect(Object.keys(step.gradients).toSorted()).toEqual(['classifier.bias', 'classifier.weight'])
  expect(trainable.parameters.filter(({ learns }) => learns)).toHaveLength(2)
})

test.each([
  ['half.onnx', /float16.*fine-tune the float32 export/],
  ['quantized.onnx', /quantised.*fine-tune the float32 export.*barometer quantize/],
  ['fused.onnx', /optimised for inference.*fine-tune the plain float32 export/],
  ['external.onnx', /another file.*save it again with its weights inside/],
])('%s is refused for fine-tuning, with a remedy', async (file, say) => {
  await expect(importExport(read('distilbert', file))).rejects.toMatchObject({
    name: 'Fault',
    code: 'model_unsupported',
    message: expect.stringMatching(say),
  })
})

function goldenOf(family: string): Golden {
  return JSON.parse(readFileSync(join(GOLDEN, family, 'golden.json'), 'utf8')) as Golden // written by make.py beside it
}

function read(family: string, file: string): Uint8Array {
  return readFileSync(join(GOLDEN, family, file))
}

function initialOf({ trainable }: ImportedExport): (name: string) => Float32Array {
  return (name) => trainable.parameters.find((spec) => spec.name === name)?.initial ?? new Float32Array()
}

async function runStep(step: Step, parameters: readonly ParameterSpec[], golden: Golden) {
  const session = await openSession(encodeModel(toOnnx(step.graph)))
  const all = { ...feedsOf(parameters), ...textOf(golden), ...targetsOf(golden) }
  const feeds = Object.fromEntries(Object.entries(all).filter(([name]) => session.inputs.includes(name)))
  const results = await session.run(feeds)
  await session.close()
  const gradients: Record<string, Float32Array> = {}
  for (const { name, shape, initial } of parameters) {
    const sum = (gradients[name] = new Float32Array(initial.length))
    for (const part of step.gradients[name] ?? []) {
      const values = floatsOf(results, part.output)
      if (part.kind === 'dense') for (const [i, value] of values.entries()) sum[i] += value
      else scatter(sum, values, golden.inputs.input_ids.flat(), shape[1] ?? 1)
    }
  }
  const logits = step.graph.outputs.some(({ name }) => name === 'logits') ? floatsOf(results, 'logits') : undefined
  return { loss: floatsOf(results, step.loss)[0] ?? Number.NaN, logits, gradients }
}

function scatter(table: Float32Array, rows: Float32Array, ids: readonly number[], width: number): void {
  for (const [row, id] of ids.entries()) for (let i = 0; i < width; i++) table[id * width + i] += rows[row * width + i]
}

function feedsOf(parameters: readonly ParameterSpec[]): RunTensors {
  // A copy: the values of a file lie askew, and the runtime wants them aligned.
  return Object.fromEntries(
    parameters.map(({ name, initial, shape }) => [name, runTensor('float32', initial.slice(), shape)]),
  )
}

function textOf({ inputs }: Golden): RunTensors {
  const tensorOf = (rows: readonly (readonly number[])[]) =>
    runTensor('int64', BigInt64Array.from(rows.flat(), BigInt), [ROWS, LENGTH])
  return { input_ids: tensorOf(inputs.input_ids), attention_mask: tensorOf(inputs.attention_mask) }
}

function targetsOf({ labels }: Golden): RunTensors {
  const targets = new Float32Array(ROWS * LABELS)
  for (const [row, label] of labels.entries()) targets[row * LABELS + label] = 1
  return {
    targets: runTensor('float32', targets, [ROWS, LABELS]),
    row_weights: runTensor('float32', new Float32Array(ROWS).fill(1), [ROWS]),
  }
}

async function logitsOf(model: Uint8Array, golden: Golden): Promise<Float32Array> {
  const session = await openSession(model)
  const types = runTensor('int64', new BigInt64Array(ROWS * LENGTH), [ROWS, LENGTH])
  const feeds = { ...textOf(golden), ...(session.inputs.includes('token_type_ids') && { token_type_ids: types }) }
  const logits = floatsOf(await session.run(feeds), 'logits')
  await session.close()
  return logits
}

function floatsOf(results: RunTensors, name: string): Float32Array {
  const tensor = results[name]
  if (tensor === undefined) throw new Error(`nothing is called ${name}`)
  return valuesOf('float32', tensor)
}

function transposed(values: Float32Array | undefined, [rows = 0, columns = 0]: readonly number[]): Float32Array {
  return Float32Array.from(
    { length: rows * columns },
    (_, i) => values?.[(i % rows) * columns + Math.floor(i / rows)] ?? 0,
  )
}

/** max |found − wanted| / max |wanted|; the absolute error where the true gradient is zero (the bias of the keys). */
function relativeError(found: Float32Array | undefined, wanted: Float32Array | undefined): number {
  if (found === undefined || found.length !== wanted?.length) return Infinity
  const largest = wanted.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)
  const error = found.reduce((error, value, i) => Math.max(error, Math.abs(value - wanted[i])), 0)
  return largest < 1e-7 ? error : error / largest
}
