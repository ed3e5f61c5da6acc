import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { tensor } from '../graph/tensor.ts'
import { importExport } from '../import/importExport.ts'
import { type ClassifierConfig, encoderClassifier, encoderServing } from '../nn/encoder.ts'
import { dropoutOf } from '../nn/encoderLayers.ts'
import { tinyEncoder } from '../nn/fixtures.ts'
import { weightsOf } from '../nn/serving.ts'
import { decodeModel } from '../onnx/decode.ts'
import { encodeModel } from '../onnx/encode.ts'
import type { OnnxModel } from '../onnx/model.ts'
import { floats } from '../onnx/tensor.ts'
import { openSession, runTensor, valuesOf } from '../session.ts'
import { leanModel } from './leanModel.ts'
import { quantizeExport } from './quantizeExport.ts'
import { quantizeMatrix, quantizeRows } from './quantizeMatrix.ts'
import { quantizeModel } from './quantizeModel.ts'

const GOLDEN = join(import.meta.dirname, '../../../test/golden/imported')

/** Large enough that its matrices are worth quantising. */
const config: ClassifierConfig = {
  ...tinyEncoder,
  family: 'distilbert',
  vocabulary: 300,
  width: 64,
  heads: 4,
  inner: 128,
  positions: 32,
  dropout: dropoutOf(0),
  labels: 3,
  head: 'relu',
}

const matrix = fc
  .tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 }))
  .chain(([rows, columns]) =>
    fc
      .float32Array({ minLength: rows * columns, maxLength: rows * columns, noNaN: true, min: -1e6, max: 1e6 })
      .map((values) => tensor('float32', [rows, columns], values)),
  )

test('no weight is moved by more than half a step of its column, and the largest of each column stays', () => {
  fc.assert(
    fc.property(matrix, fc.boolean(), (weights, isTransposed) => {
      const { weights: quantized, scales } = quantizeMatrix(weights, isTransposed)
      const [inputs = 0, outputs = 0] = quantized.shape
      const [values, levels, steps] = [floats(weights), new Int8Array(quantized.bytes.buffer), floats(scales)]
      for (let i = 0; i < inputs; i++)
        for (let j = 0; j < outputs; j++) {
          const original = values[isTransposed ? j * inputs + i : i * outputs + j]
          // The scale itself is a float32, and of the tiniest columns a denormal one.
          const found = levels[i * outputs + j] * steps[j]
          expect(Math.abs(original - found)).toBeLessThanOrEqual(steps[j] * 0.5001 + 2e-43)
        }
    }),
    { numRuns: 300 },
  )
})

test('a row of an embedding table has a scale of its own', () => {
  const { rows, scales } = quantizeRows(tensor('float32', [3, 2], [1, -0.25, 0, 0, 254, 100]))
  expect([...floats(scales)].map((scale) => scale * 127)).toEqual(
    [1, 0, 254].map((size) => Math.fround(size / 127) * 127),
  )
  expect([...new Int8Array(rows.bytes.buffer)]).toEqual([127, -32, 0, 0, 127, 50])
})

test('a quantised encoder says nearly the same, with a quarter of the bytes', async () => {
  const model = randomEncoder()
  const quantized = quantizeModel(model)
  expect(encodeModel(quantized).length).toBeLessThan(encodeModel(model).length / 2.5)
  const [exact, rough] = [await probabilitiesOf(model), await probabilitiesOf(quantized)]
  const moved = exact.map((p, i) => Math.abs(p - rough[i]))
  expect(Math.max(...moved)).toBeLessThan(0.02)
  expect(Math.max(...moved)).toBeGreaterThan(0)
})

test('queries, keys and values share one quantisation of their tokens; the head stays exact', () => {
  const { graph } = quantizeModel(randomEncoder())
  const count = (op: string) => graph.nodes.filter((node) => node.op === op).length
  expect(count('MatMulIntegerToFloat')).toBe(6 * config.layers)
  // Per layer: tokens, context, after the norm, inside; and the first token's queries come from other activations.
  expect(count('DynamicQuantizeLinear')).toBe(4 * config.layers + 1)
  expect(count('Gemm')).toBe(2)
  expect(
    [...graph.initializers].filter(([, { type, bytes }]) => type === 'float32' && bytes.length > 4 * 64 * 64),
  ).toEqual([])
})

test('what is no float32 model is not quantised', () => {
  expect(() => quantizeModel(quantizeModel(randomEncoder()))).toThrow(/no float32 matrices/)
})

test('an export that is no encoder of ours is quantised as it is', async () => {
  const encoder = randomEncoder()
  // A head that no family has.
  const nodes = encoder.graph.nodes.map((node) => (node.op === 'Relu' ? { ...node, op: 'Softplus' } : node))
  const model = { ...encoder, graph: { ...encoder.graph, nodes } }
  expect((await importExport(encodeModel(model))).encoder).toBeNull()
  const { bytes, inputs } = await quantizeExport(encodeModel(model))
  expect(inputs).toEqual(['input_ids', 'attention_mask'])
  const [exact, rough] = [await probabilitiesOf(model), await probabilitiesOf(decodeModel(bytes))]
  for (const [i, p] of exact.entries()) expect(Math.abs(p - rough[i])).toBeLessThan(0.02)
})

test.each(['distilbert/script-eager-11.onnx', 'bert/dynamo-sdpa-18.onnx', 'roberta/script-sdpa-18.onnx'])(
  'the lean form of %s gives the logits of transformers',
  async (file) => {
    const [family = ''] = file.split('/')
    const golden = JSON.parse(readFileSync(join(GOLDEN, family, 'golden.json'), 'utf8')) as {
      inputs: Record<string, number[][]>
      logits: number[][]
    } // written by make.py beside it
    const { model, inputs } = await leanModel(readFileSync(join(GOLDEN, file)))
    const session = await openSession(encodeModel(model))
    const feeds = inputs.map((name) => {
      const rows = golden.inputs[name] ?? []
      return [name, runTensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]?.length ?? 0])]
    })
    const { logits } = await session.run(Object.fromEntries(feeds))
    await session.close()
    const found = valuesOf('float32', logits)
    for (const [i, logit] of golden.logits.flat().entries()) expect(found[i]).toBeCloseTo(logit, 5)
  },
)

function randomEncoder(): OnnxModel {
  const { parameters } = encoderClassifier(config, { seed: 3 })
  const large = parameters.map((spec) => ({
    ...spec,
    initial: spec.decays ? spec.initial.map((w) => 5 * w) : spec.initial,
  }))
  return encoderServing(config, weightsOf(large))
}

/** Of eight texts of twelve tokens. */
async function probabilitiesOf(model: OnnxModel): Promise<number[]> {
  const session = await openSession(encodeModel(model))
  const ids = BigInt64Array.from({ length: 96 }, (_, i) => BigInt((i * 37) % config.vocabulary))
  const { logits } = await session.run({
    input_ids: runTensor('int64', ids, [8, 12]),
    attention_mask: runTensor('int64', new BigInt64Array(96).fill(1n), [8, 12]),
  })
  await session.close()
  const exps = [...valuesOf('float32', logits)].map(Math.exp)
  return exps.map((x, i) => {
    const row = Math.floor(i / config.labels) * config.labels
    return x / exps.slice(row, row + config.labels).reduce((a, b) => a + b, 0)
  })
}
