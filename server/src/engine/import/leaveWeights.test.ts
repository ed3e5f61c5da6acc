import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ClassifierConfig } from '../nn/encoder.ts'
import { encoderClassifier, encoderServing } from '../nn/encoder.ts'
import { tinyEncoder } from '../nn/fixtures.ts'
import { weightsOf } from '../nn/serving.ts'
import { encodeModel } from '../onnx/encode.ts'
import { importExport } from './importExport.ts'
import { readExport } from './readExport.ts'

/** Its table and its inner layers are larger than what is copied, its norms smaller. */
const config: ClassifierConfig = {
  ...tinyEncoder,
  family: 'distilbert',
  vocabulary: 211,
  width: 32,
  layers: 1,
  inner: 64,
  positions: 16,
  head: 'relu',
}
const bytes = encodeModel(encoderServing(config, weightsOf(encoderClassifier(config, { seed: 3 }).parameters)))
let folder: string
let path: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'barometer-leave-'))
  path = join(folder, 'model.onnx')
  writeFileSync(path, bytes)
})
afterAll(() => rmSync(folder, { recursive: true }))

test.each([true, false])(
  'an export at a path is the one that is held in memory (recognised: %s)',
  async (recognise) => {
    const [left, held] = [await importExport(path, { recognise }), await importExport(bytes, { recognise })]
    expect(left.encoder).toEqual(held.encoder)
    const parametersOf = ({ trainable }: typeof left) => trainable.parameters.map((spec) => ({ ...spec }))
    expect(parametersOf(left)).toEqual(parametersOf(held))
    const doubled = ({ trainable, withWeights }: typeof left) => {
      const initial = new Map(trainable.parameters.map((spec) => [spec.name, spec.initial]))
      return withWeights((name) => (initial.get(name) ?? new Float32Array()).map((w) => 2 * w))
    }
    const tuned = doubled(left)
    expect(Buffer.compare(tuned, doubled(held))).toBe(0)
    expect(Buffer.compare(tuned, bytes)).not.toBe(0)
  },
)

test('nothing of the weights of an export at a path is kept of the bytes that it was read from', () => {
  const read = bytes.slice()
  const { model, weights } = readExport(read, path)
  const held = readExport(bytes)
  read.fill(0xff)
  const valuesOf = (some: typeof weights) => some.map(({ name, tensor: { bytes } }) => [name, bytes])
  expect(valuesOf(weights)).toEqual(valuesOf(held.weights))
  expect([...model.graph.initializers].map(([name, { bytes }]) => [name, bytes])).toEqual(
    [...held.model.graph.initializers].map(([name, { bytes }]) => [name, bytes]),
  )
  expect(model.graph.nodes).toEqual(held.model.graph.nodes)
})

test('a large weight is made when it is asked for, and another one each time', () => {
  const { weights } = readExport(bytes, path)
  const table = weights.find(({ tensor: { shape } }) => shape[0] === config.vocabulary)
  expect(table?.tensor.bytes.length).toBe(4 * config.vocabulary * config.width)
  expect(table?.tensor.bytes).not.toBe(table?.tensor.bytes)
})

test('a file that became shorter is said to be broken, instead of learnt from as zeros', () => {
  const cut = join(folder, 'cut.onnx')
  writeFileSync(cut, bytes)
  const { weights } = readExport(bytes, cut)
  truncateSync(cut, 100)
  expect(() => weights.map(({ tensor: { bytes } }) => bytes)).toThrow(/became shorter/)
})
