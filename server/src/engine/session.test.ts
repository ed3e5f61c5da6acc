import { expect, test } from 'vitest'
import { GraphBuilder } from './graph/builder.ts'
import { toOnnx } from './graph/toOnnx.ts'
import { encodeModel } from './onnx/encode.ts'
import { openSession, runTensor, valuesOf } from './session.ts'

/** sum = x + y, twice = 2·sum */
function adder(): Uint8Array {
  const g = new GraphBuilder()
  const sum = g.op('Add', [g.input('x', 'float32', [2, 3]), g.input('y', 'float32', [2, 3])])
  g.output(g.op('Mul', [sum, g.scalar(2)]), 'twice')
  g.output(sum, 'sum')
  return encodeModel(toOnnx(g.finish()))
}

const shape = [2, 3]
const feed = (values: Float32Array) => runTensor('float32', values, shape)

test('feeds are read and fetches written where they lie, in shared memory too', async () => {
  const session = await openSession(adder(), { threads: 2 })
  const shared = new Float32Array(new SharedArrayBuffer(4 * 18))
  const [x, y, sum] = [0, 6, 12].map((from) => shared.subarray(from, from + 6))
  x.set([1, 2, 3, 4, 5, 6])
  y.fill(10)
  const feeds = { x: feed(x), y: feed(y) }
  await session.run(feeds, { sum: feed(sum) })
  expect([...sum]).toEqual([11, 12, 13, 14, 15, 16])
  x.fill(0)
  await session.run(feeds, { sum: feed(sum) })
  expect([...sum]).toEqual([10, 10, 10, 10, 10, 10])
  await session.close()
})

test('one buffer may be fed and fetched: it is read before it is written', async () => {
  const session = await openSession(adder())
  const both = Float32Array.of(1, 2, 3, 4, 5, 6)
  const feeds = { x: feed(Float32Array.of(1, 1, 1, 1, 1, 1)), y: feed(both) }
  for (let turn = 0; turn < 3; turn++) await session.run(feeds, { sum: feed(both) })
  expect([...both]).toEqual([4, 5, 6, 7, 8, 9])
  await session.close()
})

test('only the outputs that are named come back; without names all do', async () => {
  const session = await openSession(adder())
  const feeds = { x: feed(new Float32Array(6).fill(1)), y: feed(new Float32Array(6)) }
  const named = await session.run(feeds, ['twice'])
  expect(Object.keys(named)).toEqual(['twice'])
  expect([...valuesOf('float32', named['twice'])]).toEqual([2, 2, 2, 2, 2, 2])
  expect(Object.keys(await session.run(feeds)).toSorted()).toEqual(['sum', 'twice'])
  expect(() => valuesOf('int64', named['twice'])).toThrow(TypeError)
  await session.close()
})

test('what is no model is refused with a fault', async () => {
  await expect(openSession(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: 'model_unsupported' })
})

test('between two runs the event loop gets its turn', async () => {
  const session = await openSession(adder())
  const feeds = { x: feed(new Float32Array(6)), y: feed(new Float32Array(6)) }
  let turns = 0
  const count = setInterval(() => turns++, 0)
  for (let i = 0; i < 200; i++) await session.run(feeds, ['sum'])
  clearInterval(count)
  expect(turns).toBeGreaterThan(0)
  await session.close()
})
