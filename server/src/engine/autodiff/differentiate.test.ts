import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { outputsOf } from '../../../test/engine/interpret.ts'
import { operators, type Use, valuesOf } from '../../../test/engine/operators.ts'
import { GraphBuilder } from '../graph/builder.ts'
import type { Graph, Value } from '../graph/ir.ts'
import { exp, gather, gelu, mul, scale, sum } from '../graph/ops.ts'
import { sizeOf } from '../graph/tensor.ts'
import { toOnnx } from '../graph/toOnnx.ts'
import { encodeModel } from '../onnx/encode.ts'
import { openSession, runTensor, valuesOf as valuesIn } from '../session.ts'
import { differentiate } from './differentiate.ts'

type Feeds = Readonly<Record<string, readonly number[]>>

/** loss = Σ y ∘ weights alone, and with y and the gradients of all operands. */
function stepOf(use: Use): { forward: Graph; graph: Graph; feeds: Feeds } {
  const g = new GraphBuilder()
  const operands = use.operands.map(({ shape }, i) => g.input(`x${i}`, 'float32', shape))
  const y = use.build(g, operands)
  const loss = sum(g, mul(g, y, g.input('weights', 'float32', y.shape)))
  g.output(loss, 'loss')
  const forward = g.finish()
  for (const [operand, gradient] of differentiate(g, loss, operands)) g.output(gradient, `d${operand.name}`)
  g.output(y, 'y')
  const weights = Array.from({ length: sizeOf(y.shape) }, (_, i) => Math.cos(7 * i + (use.seed % 100)))
  return { forward, graph: g.finish(), feeds: { ...valuesOf(use), weights } }
}

/** ∂loss/∂name by (loss(x + h) − loss(x − h)) / 2h: off by O(h²) + O(ε/h) in float64. */
function differences(graph: Graph, feeds: Feeds, name: string): number[] {
  const h = 1e-5
  const lossAt = (i: number, x: number) =>
    outputsOf(graph, { ...feeds, [name]: feeds[name].with(i, x) })['loss'].values[0]
  return feeds[name].map((x, i) => (lossAt(i, x + h) - lossAt(i, x - h)) / (2 * h))
}

/** The same to float32's last place, every other number a little more and the rest a little less. */
const nudged = (feeds: Readonly<Record<string, Float32Array>>) =>
  Object.fromEntries(
    Object.entries(feeds).map(([name, xs]) => [name, Array.from(xs, (x, i) => x * (1 + ULP * (-1) ** i))]),
  )
const ULP = 2 ** -23
/** So many last places of its operands are what the roundings inside an operator come to. */
const PLACES = 32
/** What is asked of float32. */
const CLOSE = 1e-5

const norm = (xs: ArrayLike<number>): number => Math.hypot(...Array.from(xs))
const distance = (xs: ArrayLike<number>, ys: ArrayLike<number>): number => norm(Array.from(xs, (x, i) => x - ys[i]))

/** A norm over two nearly equal numbers, say, is nothing that float32 operands determine so closely. */
function isDetermined(graph: Graph, feeds: Readonly<Record<string, Float32Array>>): boolean {
  const beside = outputsOf(graph, nudged(feeds))
  return Object.entries(outputsOf(graph, feeds)).every(
    ([name, { values }]) => PLACES * distance(beside[name].values, values) <= CLOSE * Math.max(norm(values), 1),
  )
}

describe.each(Object.entries(operators))('%s', (_, uses) => {
  test('has the gradient that finite differences show', () => {
    fc.assert(
      fc.property(uses, (use) => {
        const { forward, graph, feeds } = stepOf(use)
        const outputs = outputsOf(graph, feeds)
        for (const name of Object.keys(valuesOf(use))) {
          const expected = differences(forward, feeds, name)
          const found = outputs[`d${name}`]?.values ?? expected.map(() => 0)
          expect(distance(found, expected)).toBeLessThanOrEqual(1e-6 * Math.max(norm(expected), 1))
        }
      }),
      { numRuns: 20 },
    )
  })

  test('computes the same in ONNX Runtime, forward and backward', async () => {
    await fc.assert(
      fc.asyncProperty(uses, async (use) => {
        const { graph, feeds } = stepOf(use)
        const rounded = Object.fromEntries(Object.entries(feeds).map(([name, list]) => [name, Float32Array.from(list)]))
        fc.pre(isDetermined(graph, rounded))
        const session = await openSession(encodeModel(toOnnx(graph)))
        const tensors = graph.inputs.map(({ name, shape }) => [name, runTensor('float32', rounded[name], shape)])
        const found = await session.run(Object.fromEntries(tensors))
        await session.close()
        const expected = Object.entries(outputsOf(graph, rounded))
        for (const [name, { shape, values }] of expected) {
          expect(found[name].dims).toEqual(shape)
          const off = distance(valuesIn('float32', found[name]), values)
          expect(off).toBeLessThanOrEqual(CLOSE * Math.max(norm(values), 1))
        }
      }),
      { numRuns: 8 },
    )
  })
})

test('a region has the gradient that it says, and what lies inside is passed over', () => {
  const g = new GraphBuilder()
  const x = g.input('x', 'float32', [3])
  const y = g.region({ inputs: [x], output: exp(g, scale(g, x, 2)), gradient: (dy) => [scale(g, dy, 7)] })
  g.output(differentiate(g, sum(g, mul(g, y, g.scalar(3))), [x]).get(x) as Value, 'dx')
  const graph = g.finish()
  expect([...outputsOf(graph, { x: [1, 2, 3] })['dx'].values]).toEqual([21, 21, 21])
  expect(graph.nodes.filter(({ op }) => op === 'Exp')).toEqual([])
})

test('a value on the way may be asked for, and one that the loss does not depend on is absent', () => {
  const g = new GraphBuilder()
  const [table, other] = [g.input('table', 'float32', [4, 2]), g.input('other', 'float32', [2])]
  const rows = gather(g, table, g.ints([1, 3, 1]))
  const found = differentiate(g, sum(g, mul(g, rows, rows)), [rows, other])
  g.output(found.get(rows) as Value, 'drows')
  expect(found.has(other)).toBe(false)
  const table8 = [1, 2, 3, 4, 5, 6, 7, 8]
  const graph = g.finish()
  expect([...outputsOf(graph, { table: table8, other: [0, 0] })['drows'].values]).toEqual([6, 8, 14, 16, 6, 8])
  expect(graph.nodes.filter(({ op }) => op === 'OneHot')).toEqual([])
})

test('an operator without a rule is named, but only where the gradient has to go through it', () => {
  const g = new GraphBuilder()
  const [x, z] = [g.input('x', 'float32', [3]), g.input('z', 'float32', [3])]
  const loss = sum(g, mul(g, x, g.op('ReduceMax', [z], { keepdims: true })))
  expect(differentiate(g, loss, [x]).has(x)).toBe(true)
  expect(() => differentiate(g, loss, [z])).toThrow('ReduceMax, which makes reducemax_1, has no gradient here')
  const largest = g.op('ReduceMax', [z])
  expect(differentiate(g, sum(g, mul(g, largest, largest)), [largest]).has(largest)).toBe(true)
})

test.each([
  ['small', 3],
  ['large', 2500],
])('rows of a %s table that are gathered often are summed exactly, on several threads', async (_, rows) => {
  const g = new GraphBuilder()
  const [count, width] = [3000, 16]
  const table = g.input('table', 'float32', [rows, width])
  const indices = Array.from({ length: count }, (_, i) => (i % 3) - (i % 2 === 0 ? rows : 0))
  const loss = sum(g, gather(g, table, g.ints(indices)))
  g.output(differentiate(g, loss, [table]).get(table) as Value, 'dtable')
  const session = await openSession(encodeModel(toOnnx(g.finish())), { threads: 4 })
  const feeds = { table: runTensor('float32', new Float32Array(rows * width), [rows, width]) }
  const expected = Float32Array.from({ length: rows * width }, (_, i) => (i < 3 * width ? count / 3 : 0))
  for (let run = 0; run < 20; run++) {
    expect(valuesIn('float32', (await session.run(feeds))['dtable'])).toEqual(expected)
  }
  await session.close()
})

test('far out, Gelu rises by 1 or by 0', async () => {
  const g = new GraphBuilder()
  const x = g.input('x', 'float32', [8])
  g.output(differentiate(g, sum(g, gelu(g, x)), [x]).get(x) as Value, 'dx')
  const session = await openSession(encodeModel(toOnnx(g.finish())))
  const far = Float32Array.of(-1e30, -1000, -20, -14, 14, 20, 1000, 1e30)
  const { dx } = await session.run({ x: runTensor('float32', far, [8]) })
  await session.close()
  expect([...valuesIn('float32', dx)].map((slope) => slope + 0)).toEqual([0, 0, 0, 0, 1, 1, 1, 1])
})
