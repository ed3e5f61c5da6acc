import { describe, expect, test } from 'vitest'
import { encodeModel } from '../onnx/encode.ts'
import { openSession, runTensor, valuesOf } from '../session.ts'
import { GraphBuilder } from './builder.ts'
import { add, gemm, layerNorm, matmul, mul, reshape, split, sum } from './ops.ts'
import { numbers } from './tensor.ts'
import { toOnnx } from './toOnnx.ts'

describe('a graph', () => {
  test('keeps what its outputs need, in the order of execution, and every input', () => {
    const g = new GraphBuilder()
    const x = g.input('x', 'float32', [2, 3])
    const unused = g.input('unused', 'float32', [1])
    add(g, unused, g.scalar(7))
    const y = add(g, mul(g, x, x), g.scalar(1))
    g.output(y, 'y')
    const graph = g.finish()
    expect(graph.nodes.map(({ op }) => op)).toEqual(['Mul', 'Add'])
    expect(graph.inputs).toEqual([x, unused])
    expect([...graph.constants.values()].map(numbers)).toEqual([[1]])
  })

  test('names an output by renaming the value that is put out, without a copy', () => {
    const g = new GraphBuilder()
    const x = g.input('x', 'float32', [2])
    const y = add(g, x, x)
    g.output(mul(g, y, y), 'squared')
    g.output(y, 'doubled')
    const { nodes, outputs } = g.finish()
    expect(nodes.map(({ op, outputs }) => [op, outputs[0]?.name])).toEqual([
      ['Add', 'doubled'],
      ['Mul', 'squared'],
    ])
    expect(outputs.map(({ name }) => name)).toEqual(['squared', 'doubled'])
  })

  test('copies only what cannot be renamed: an input, a constant, what is put out already', async () => {
    const g = new GraphBuilder()
    const x = g.input('x', 'float32', [2])
    const y = add(g, x, x)
    g.output(y, 'y')
    g.output(y, 'again')
    g.output(x, 'same')
    g.output(g.scalar(3), 'three')
    const session = await openSession(encodeModel(toOnnx(g.finish())))
    const found = await session.run({ x: runTensor('float32', Float32Array.of(1, 2), [2]) })
    await session.close()
    const values = Object.entries(found).map(([name, tensor]) => [name, [...valuesOf('float32', tensor)]])
    expect(Object.fromEntries(values)).toEqual({ y: [2, 4], again: [2, 4], same: [1, 2], three: [3] })
  })

  test('gives no name twice', () => {
    const g = new GraphBuilder()
    const x = g.input('add_1', 'float32', [])
    expect(add(g, x, x).name).toBe('add_2')
    expect(() => g.input('add_2', 'float32', [])).toThrow('the name "add_2" is taken')
    expect(() => g.output(add(g, x, x), 'add_1')).toThrow('taken')
  })

  test('holds one tensor for a number, however often it is asked for', () => {
    const g = new GraphBuilder()
    expect(g.scalar(2)).toBe(g.scalar(2))
    expect(g.scalar(2)).not.toBe(g.scalar(2, 'int64'))
    expect(g.filled([2, 1], 1)).not.toBe(g.filled([1, 2], 1))
  })

  test('grows an earlier node by the outputs that a gradient needs', () => {
    const g = new GraphBuilder()
    const x = g.input('x', 'float32', [4, 3])
    const y = layerNorm(g, x, g.filled([3], 1), g.filled([3], 0))
    const node = g.makerOf(y)
    const [same, mean, inverse] = node ? g.moreOutputs(node, 3) : []
    expect(same).toBe(y)
    expect([mean?.shape, inverse?.shape]).toEqual([
      [4, 1],
      [4, 1],
    ])
    expect(node && g.moreOutputs(node, 3)).toEqual([y, mean, inverse])
  })
})

describe('shapes', () => {
  const g = new GraphBuilder()
  let count = 0
  const value = (shape: readonly number[]) => g.input(`value ${count++}`, 'float32', shape)

  test('are known at once', () => {
    expect(gemm(g, value([3, 2]), value([4, 3]), value([4]), { transA: true, transB: true }).shape).toEqual([2, 4])
    expect(matmul(g, value([5, 1, 2, 3]), value([7, 3, 4])).shape).toEqual([5, 7, 2, 4])
    expect(reshape(g, value([2, 6]), [-1, 4]).shape).toEqual([3, 4])
    expect(split(g, value([2, 6]), [1, 5], 1).map(({ shape }) => shape)).toEqual([
      [2, 1],
      [2, 5],
    ])
    expect(sum(g, value([2, 6, 3]), [-1, 0]).shape).toEqual([6])
  })

  test.each([
    ['Add', [[2, 3], [4]], {}, 'do not broadcast'],
    [
      'MatMul',
      [
        [2, 3],
        [2, 3],
      ],
      {},
      'the inner dimensions differ',
    ],
    ['Gemm', [[2, 3], [3, 4], [3]], {}, 'broadcast'],
    [
      'Gemm',
      [
        [1, 2, 3],
        [3, 4],
      ],
      {},
      'Gemm multiplies matrices',
    ],
    [
      'Concat',
      [
        [2, 3],
        [3, 3],
      ],
      { axis: 1 },
      'the other axes differ',
    ],
    ['Softplusses', [[2]], {}, 'no shape rule'],
    ['LayerNormalization', [[2, 3], [2]], { axis: -1 }, 'broadcast'],
  ])('%s of %j is refused: %s', (op, shapes, attributes, message) => {
    expect(() => g.op(op, shapes.map(value), attributes)).toThrow(message)
  })

  test('a refusal says what was multiplied', () => {
    const [a, b] = [g.input('a', 'float32', [2, 3]), g.input('b', 'float32', [2, 4])]
    expect(() => matmul(g, a, b)).toThrow('MatMul(a float32[2, 3]; b float32[2, 4]): the inner dimensions differ')
  })
})
