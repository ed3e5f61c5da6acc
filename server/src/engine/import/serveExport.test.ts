import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { softmax } from '../../math/softmax.ts'
import { decodeModel } from '../onnx/decode.ts'
import { encodeModel } from '../onnx/encode.ts'
import { openSession, runTensor, valuesOf } from '../session.ts'
import { serveExport } from './serveExport.ts'

const golden = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../../test/golden/imported/${name}`, import.meta.url)))
const options = {
  labels: 3,
  groups: null,
  readExternal: (location: string, offset: number, length: number) =>
    golden(`distilbert/${location}`).subarray(offset, offset + length),
}
const IDS = [2, 7, 11, 59, 3, 2, 5, 5, 41, 3]

/** [2 · labels] logits of two rows of five tokens. */
async function logitsOf(model: Uint8Array, inputs: readonly string[]): Promise<Float32Array> {
  const session = await openSession(model)
  try {
    const row = (value: (i: number) => number) =>
      runTensor(
        'int64',
        BigInt64Array.from(IDS, (_, i) => BigInt(value(i))),
        [2, 5],
      )
    const feeds = { input_ids: row((i) => IDS[i]), attention_mask: row(() => 1), token_type_ids: row(() => 0) }
    const { logits } = await session.run(
      Object.fromEntries(inputs.map((name) => [name, feeds[name as keyof typeof feeds]])),
      ['logits'],
    )
    return valuesOf('float32', logits).slice()
  } finally {
    await session.close()
  }
}

const plain = golden('distilbert/script-sdpa-17.onnx')

test('an export that is as it should be stays as it is, byte for byte', () => {
  const served = serveExport(plain, options)
  expect(served).toMatchObject({ inputs: ['input_ids', 'attention_mask'], precision: 'fp32' })
  expect(served.bytes).toBe(plain)
})

test('weights that lie beside it come inside, and it answers the same', async () => {
  const served = serveExport(golden('distilbert/external.onnx'), options)
  const [inside, outside] = [await logitsOf(plain, served.inputs), await logitsOf(served.bytes, served.inputs)]
  for (const [i, logit] of inside.entries()) expect(outside[i]).toBeCloseTo(logit, 5)
  expect(decodeModel(served.bytes).graph.initializers.size).toBeGreaterThan(10)
})

test('a quantised export is known as one', () => {
  expect(serveExport(golden('distilbert/quantized.onnx'), options).precision).toBe('int8')
})

test('an output of another name is called logits', async () => {
  const { graph, ...model } = decodeModel(plain)
  const now = (name: string) => (name === 'logits' ? 'output_0' : name)
  const other = encodeModel({
    ...model,
    graph: {
      ...graph,
      nodes: graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(now), outputs: node.outputs.map(now) })),
      outputs: graph.outputs.map((output) => ({ ...output, name: now(output.name) })),
    },
  })
  const served = serveExport(other, options)
  expect(await logitsOf(served.bytes, served.inputs)).toEqual(await logitsOf(plain, served.inputs))
})

describe('labels that became one', () => {
  test('have the sum of their probabilities', async () => {
    const served = serveExport(plain, { ...options, groups: [1, 0, 1] })
    const before = await logitsOf(plain, served.inputs)
    const after = await logitsOf(served.bytes, served.inputs)
    for (let row = 0; row < 2; row++) {
      const [a, b, c] = softmax(before.subarray(row * 3, row * 3 + 3))
      const [zero, one] = softmax(after.subarray(row * 2, row * 2 + 2))
      expect(zero).toBeCloseTo(b, 6)
      expect(one).toBeCloseTo(a + c, 6)
    }
  })
})

test('logits that are not of the labels of config.json are refused', () => {
  expect(() => serveExport(plain, { ...options, labels: 2 })).toThrow(
    expect.objectContaining({ code: 'model_unsupported' }),
  )
})
