import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { decodeModel } from '../onnx/decode.ts'
import { encodeModel } from '../onnx/encode.ts'
import type { OnnxModel } from '../onnx/model.ts'
import { openSession, runTensor, type Session, valuesOf } from '../session.ts'
import { firstTokenOnly } from './firstToken.ts'

const folder = new URL('../../../test/golden/imported/', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, folder))

async function logits(bytes: Uint8Array): Promise<Float32Array> {
  const session = await openSession(bytes)
  try {
    return await run(session)
  } finally {
    await session.close()
  }
}

/** Two rows, one of them padded. */
async function run(session: Session): Promise<Float32Array> {
  const shape = [2, 8]
  const ids = BigInt64Array.from({ length: 16 }, (_, i) => (i < 13 ? BigInt(3 + ((i * 5) % 20)) : 1n))
  const mask = BigInt64Array.from({ length: 16 }, (_, i) => (i < 13 ? 1n : 0n))
  const all = {
    input_ids: runTensor('int64', ids, shape),
    attention_mask: runTensor('int64', mask, shape),
    token_type_ids: runTensor('int64', new BigInt64Array(16), shape),
  }
  const feeds = Object.fromEntries(Object.entries(all).filter(([name]) => session.inputs.includes(name)))
  const [output] = session.outputs
  return Float32Array.from(valuesOf('float32', (await session.run(feeds, [output]))[output]))
}

const products = ({ graph }: OnnxModel) => graph.nodes.filter(({ op }) => op === 'MatMul').length

test.each([
  'distilbert/script-eager-14.onnx',
  'distilbert/script-sdpa-17.onnx',
  'distilbert/dynamo-sdpa-18.onnx',
  'bert/script-eager-12.onnx',
  'bert/script-sdpa-14.onnx',
  'bert/dynamo-sdpa-18.onnx',
  'roberta/script-sdpa-18.onnx',
  'roberta/dynamo-sdpa-18.onnx',
  'xlm-roberta/script-sdpa-14.onnx',
])('%s says the same when its last layer is done for the first token alone', async (name) => {
  const bytes = read(name)
  const model = decodeModel(bytes)
  const smaller = firstTokenOnly(model)
  if (smaller === null) throw new Error('was not made smaller')
  expect(products(smaller)).toBe(products(model))
  const [before, after] = [await logits(bytes), await logits(encodeModel(smaller))]
  for (const [i, z] of before.entries()) expect(after[i]).toBeCloseTo(z, 5)
})

test('an 8-bit model, whose activations get another scale, says nearly the same', async () => {
  const bytes = read('distilbert/quantized.onnx')
  const smaller = firstTokenOnly(decodeModel(bytes))
  if (smaller === null) throw new Error('was not made smaller')
  const [before, after] = [await logits(bytes), await logits(encodeModel(smaller))]
  for (const [i, z] of before.entries()) expect(Math.abs(after[i] - z)).toBeLessThan(0.05)
})

test('a model that reads all tokens is left as it is', () => {
  const model = decodeModel(read('distilbert/script-eager-14.onnx'))
  const nodes = model.graph.nodes.filter(({ op }) => op !== 'Gather')
  expect(firstTokenOnly({ ...model, graph: { ...model.graph, nodes } })).toBeNull()
})
