/** PyTorch says what each operator computes and what its gradients are: test/golden/engine/operators.py. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

import { GraphBuilder } from '../graph/builder.ts'
import type { Value } from '../graph/ir.ts'
import * as ops from '../graph/ops.ts'
import { toOnnx } from '../graph/toOnnx.ts'
import { encodeModel } from '../onnx/encode.ts'
import { openSession, runTensor, valuesOf } from '../session.ts'
import { differentiate } from './differentiate.ts'

interface Numbers {
  readonly shape: readonly number[]
  readonly values: readonly number[]
}

interface Golden {
  readonly operands: readonly Numbers[]
  readonly weights: Numbers
  readonly y: Numbers
  readonly gradients: readonly Numbers[]
}

/** Relative to the length of a tensor, through ONNX Runtime in float32. */
const TOLERANCE = 1e-5

type Build = (g: GraphBuilder, operands: readonly Value[]) => Value

const named =
  (op: string): Build =>
  (g, operands) =>
    g.op(op, operands)

const attention: Build = (g, [q, k, v, mask, bias]) => {
  const scores = ops.matmulFused(g, q, k, { transB: true, alpha: 1 / Math.sqrt(q.shape[3]) })
  return ops.matmul(g, ops.mul(g, ops.softmax(g, ops.add(g, scores, bias)), mask), v)
}

const builds: Readonly<Record<string, Build>> = {
  Abs: named('Abs'),
  Add: named('Add'),
  Clip: (g, [x]) => g.op('Clip', [x, g.scalar(-0.5), g.scalar(1)]),
  Concat: (g, parts) => ops.concat(g, parts, 1),
  Div: named('Div'),
  Erf: named('Erf'),
  Exp: named('Exp'),
  Expand: (g, [x]) => ops.expand(g, x, [3, 4, 2]),
  FusedMatMul: (g, [a, b]) => ops.matmulFused(g, a, b, { transA: true, transB: true, alpha: 0.3 }),
  Gather: (g, [table]) => ops.gather(g, table, g.ints([3, 0, 3, -1, 3])),
  'Gather of one': (g, [x]) => ops.pick(g, x, 1, -2),
  Gelu: (g, [x]) => ops.gelu(g, x),
  'Gelu by tanh': (g, [x]) => ops.gelu(g, x, 'tanh'),
  Gemm: (g, [a, b, c]) => ops.gemm(g, a, b, c, { transA: true, transB: true, alpha: 0.5 }),
  LayerNormalization: (g, [x, gamma, beta]) => ops.layerNorm(g, x, gamma, beta),
  Log: named('Log'),
  LogSoftmax: (g, [x]) => ops.logSoftmax(g, x),
  MatMul: named('MatMul'),
  'MatMul of batches': named('MatMul'),
  Max: named('Max'),
  Min: named('Min'),
  Mul: named('Mul'),
  Neg: named('Neg'),
  Pad: (g, [x]) => ops.pad(g, x, 1, 1, 2),
  Pow: named('Pow'),
  Reciprocal: named('Reciprocal'),
  ReduceMean: (g, [x]) => ops.mean(g, x, [0, 2]),
  ReduceSum: (g, [x]) => ops.sum(g, x, [1], true),
  Relu: named('Relu'),
  Sigmoid: named('Sigmoid'),
  Slice: (g, [x]) => ops.slice(g, x, 1, 1, 3),
  Softmax: (g, [x]) => ops.softmax(g, x, 1),
  Softplus: named('Softplus'),
  Split: (g, [x]) => ops.split(g, x, [1, 3, 2], 1)[1],
  Sqrt: named('Sqrt'),
  Sub: named('Sub'),
  Tanh: named('Tanh'),
  Transpose: (g, [x]) => ops.transpose(g, x, [2, 0, 1]),
  Where: (g, [a, b]) => ops.where(g, g.op('Greater', [a, b]), ops.scale(g, a, 2), b),
  attention,
  'cross-entropy': (g, [x, target]) => ops.scale(g, ops.sum(g, ops.mul(g, ops.logSoftmax(g, x), target), [-1]), -1),
}

const golden = JSON.parse(
  readFileSync(new URL('../../../test/golden/engine/operators.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, Golden>> // operators.py writes it

test('every case of the golden file is built here, and none is missing there', () => {
  expect(Object.keys(builds).toSorted()).toEqual(Object.keys(golden).toSorted())
})

test.each(Object.entries(golden))('%s: result and gradients are those of PyTorch', async (name, expected) => {
  const g = new GraphBuilder()
  const operands = expected.operands.map(({ shape }, i) => g.input(`x${i}`, 'float32', shape))
  const y = builds[name](g, operands)
  const loss = ops.sum(g, ops.mul(g, y, g.input('weights', 'float32', expected.weights.shape)))
  const gradients = differentiate(g, loss, operands)
  g.output(y, 'y')
  operands.forEach((operand, i) => g.output(gradients.get(operand) as Value, `d${i}`)) // the loss depends on each
  const session = await openSession(encodeModel(toOnnx(g.finish())))
  const fed = (numbers: Numbers) => runTensor('float32', Float32Array.from(numbers.values), numbers.shape)
  const feeds = expected.operands.map((operand, i) => [`x${i}`, fed(operand)])
  const found = await session.run({ ...Object.fromEntries(feeds), weights: fed(expected.weights) })
  await session.close()
  agrees(valuesOf('float32', found['y']), expected.y)
  expected.gradients.forEach((gradient, i) => agrees(valuesOf('float32', found[`d${i}`]), gradient))
})

function agrees(found: Float32Array, { values }: Numbers): void {
  expect(found.length).toBe(values.length)
  const length = Math.hypot(...values)
  expect(Math.hypot(...values.map((x, i) => x - found[i]))).toBeLessThanOrEqual(TOLERANCE * length)
}
