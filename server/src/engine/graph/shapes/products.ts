/** Matrix products. */
import assert from 'node:assert/strict'
import { numberOf } from '../attributes.ts'
import type { Shape, Value } from '../ir.ts'
import type { Rule } from './infer.ts'
import { broadcast, input } from './use.ts'

const transposed = ([rows, columns]: Shape, flag: number): readonly [number, number] => {
  assert(rows !== undefined && columns !== undefined)
  return flag ? [columns, rows] : [rows, columns]
}

/** Y = α·A′·B′ + β·C with A′ [m, k], B′ [k, n], C broadcast to [m, n]. */
const gemm: Rule = (use) => {
  const [a, b, c] = [input(use, 0), input(use, 1), use.inputs[2]]
  assert(a.shape.length === 2 && b.shape.length === 2, 'Gemm multiplies matrices')
  const [m, k] = transposed(a.shape, numberOf(use.attributes, 'transA', 0))
  const [k2, n] = transposed(b.shape, numberOf(use.attributes, 'transB', 0))
  assert(k === k2, 'the inner dimensions differ')
  if (c) assert.deepEqual(broadcast(c.shape, [m, n]), [m, n], 'C does not broadcast to the product')
  return [{ type: a.type, shape: [m, n] }]
}

/** Numpy's matmul: the last two dimensions multiply, those before broadcast; a vector is a row on the left, a column on the right. */
function multiply(a: Value, b: Value, transA: number, transB: number): Shape {
  assert(a.type === b.type, 'the types differ')
  assert(a.shape.length >= 1 && b.shape.length >= 1, 'a scalar has no matrix product')
  const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape
  const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape
  const [m, k] = transposed(left.slice(-2), transA)
  const [k2, n] = transposed(right.slice(-2), transB)
  assert(k === k2, 'the inner dimensions differ')
  const batch = broadcast(left.slice(0, -2), right.slice(0, -2))
  return [...batch, ...(a.shape.length === 1 ? [] : [m]), ...(b.shape.length === 1 ? [] : [n])]
}

const matmul: Rule = (use) => {
  const [a, b] = [input(use, 0), input(use, 1)]
  return [{ type: a.type, shape: multiply(a, b, 0, 0) }]
}

/** com.microsoft: α·A′·B′, batched like MatMul. */
const fusedMatMul: Rule = (use) => {
  const [a, b] = [input(use, 0), input(use, 1)]
  const [transA, transB] = [numberOf(use.attributes, 'transA', 0), numberOf(use.attributes, 'transB', 0)]
  return [{ type: a.type, shape: multiply(a, b, transA, transB) }]
}

export const products: Readonly<Record<string, Rule>> = { Gemm: gemm, MatMul: matmul, FusedMatMul: fusedMatMul }
