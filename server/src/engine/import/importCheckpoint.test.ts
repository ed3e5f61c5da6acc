import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { encodeModel } from '../onnx/encode.ts'
import { openSession, runTensor, valuesOf } from '../session.ts'
import { importCheckpoint } from './importCheckpoint.ts'
import { readSafetensors, writeSafetensors } from './safetensors.ts'

const GOLDEN = join(import.meta.dirname, '../../../test/golden/imported')
const families = ['distilbert', 'bert', 'roberta', 'xlm-roberta']

interface Golden {
  readonly inputs: Readonly<Record<'input_ids' | 'attention_mask', readonly (readonly number[])[]>>
  readonly logits: readonly (readonly number[])[]
}

describe.each(families)('a checkpoint of %s', (family) => {
  test('serves transformers’ logits to 1e-5', async () => {
    const { inputs, logits } = goldenOf(family)
    const session = await openSession(encodeModel(importCheckpoint(filesOf(family)).serving()))
    const shape = [inputs.input_ids.length, inputs.input_ids[0]?.length ?? 0]
    const tensorOf = (rows: readonly (readonly number[])[]) =>
      runTensor('int64', BigInt64Array.from(rows.flat(), BigInt), shape)
    const results = await session.run({
      input_ids: tensorOf(inputs.input_ids),
      attention_mask: tensorOf(inputs.attention_mask),
    })
    await session.close()
    const found = results['logits'] && valuesOf('float32', results['logits'])
    for (const [i, logit] of logits.flat().entries()) expect(Math.abs((found?.[i] ?? NaN) - logit)).toBeLessThan(1e-5)
  })

  test('learns from its own weights, all of them', () => {
    const { trainable, missing } = importCheckpoint(filesOf(family))
    const tensors = readSafetensors(read(family, 'model.safetensors'))
    const { parameters } = trainable({ seed: 1 })
    expect(missing).toEqual([])
    expect(parameters.map(({ name }) => name).toSorted()).toEqual([...tensors.keys()].toSorted())
    for (const { name, initial } of parameters) expect(initial).toEqual(tensors.get(name)?.values)
  })
})

test('other labels get a head that starts afresh, over the body as it was', () => {
  const { trainable } = importCheckpoint(filesOf('bert'))
  const { parameters } = trainable({ seed: 1, labels: 5 })
  const shapeOf = (name: string) => parameters.find((spec) => spec.name === name)?.shape
  expect(shapeOf('classifier.weight')).toEqual([5, 16])
  const tensors = readSafetensors(read('bert', 'model.safetensors'))
  const body = 'bert.encoder.layer.1.output.dense.weight'
  expect(parameters.find(({ name }) => name === body)?.initial).toEqual(tensors.get(body)?.values)
})

test('a body without a classifier, as its makers saved it, learns but does not serve', () => {
  const tensors = [...readSafetensors(read('bert', 'model.safetensors'))]
    .filter(([name]) => name.startsWith('bert.'))
    .map(
      ([name, tensor]) =>
        [name.replace(/^bert\./, '').replace(/LayerNorm\.weight$/, 'LayerNorm.gamma'), tensor] as const,
    )
  const checkpoint = importCheckpoint({ ...filesOf('bert'), 'model.safetensors': writeSafetensors(new Map(tensors)) })
  expect(checkpoint.missing).toEqual(['classifier.weight', 'classifier.bias'])
  expect(checkpoint.config.labels).toBe(3)
  expect(() => checkpoint.serving()).toThrow(/no classifier.*fine-tune it/)
  expect(checkpoint.trainable({ seed: 1 }).parameters).toHaveLength(41)
})

test.each([
  [{ model_type: 'gpt2' }, /gpt2.*ONNX export/],
  [{ model_type: 'constructor' }, /constructor/],
  [{ hidden_act: 'swiglu' }, /activation "swiglu"/],
  [{ position_embedding_type: 'relative_key' }, /positions are "relative_key"/],
  [{ num_attention_heads: 3 }, /not a multiple/],
  [{ hidden_size: 1e9 }, /hidden_size/],
  [{ num_hidden_layers: 3 }, /lack “bert.encoder.layer.2/],
  [{ vocab_size: 61 }, /word_embeddings.weight” is \[60, 16\], not \[61, 16\]/],
  [{ hidden_dropout_prob: 1 }, /hidden_dropout_prob/],
])('a config.json with %o is refused', (change, say) => {
  const config = JSON.parse(new TextDecoder().decode(read('bert', 'config.json'))) as Record<string, unknown> // an object
  const changed = new TextEncoder().encode(JSON.stringify({ ...config, ...change }))
  expect(() => importCheckpoint({ ...filesOf('bert'), 'config.json': changed })).toThrow(
    expect.objectContaining({ code: 'model_unsupported', message: expect.stringMatching(say) }),
  )
})

test('a file that is not there is named', () => {
  expect(() => importCheckpoint({ 'config.json': read('bert', 'config.json') })).toThrow(/model\.safetensors/)
})

function goldenOf(family: string): Golden {
  return JSON.parse(readFileSync(join(GOLDEN, family, 'golden.json'), 'utf8')) as Golden // written by make.py beside it
}

function filesOf(family: string): Record<string, Uint8Array> {
  return { 'config.json': read(family, 'config.json'), 'model.safetensors': read(family, 'model.safetensors') }
}

function read(family: string, file: string): Uint8Array {
  return readFileSync(join(GOLDEN, family, file))
}
