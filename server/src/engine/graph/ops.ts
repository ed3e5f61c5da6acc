/** The operators as functions of a builder: what each computes, and the shapes it takes. */
import assert from 'node:assert/strict'
import type { ElementType } from '../onnx/model.ts'
import type { GraphBuilder } from './builder.ts'
import type { Shape, Value } from './ir.ts'
import { castTo } from './shapes/elementwise.ts'
import { sizeOf } from './tensor.ts'

type G = GraphBuilder

/** x + y, broadcast. */
export const add = (g: G, x: Value, y: Value): Value => g.op('Add', [x, y])
export const sub = (g: G, x: Value, y: Value): Value => g.op('Sub', [x, y])
/** x ∘ y, broadcast. */
export const mul = (g: G, x: Value, y: Value): Value => g.op('Mul', [x, y])
export const div = (g: G, x: Value, y: Value): Value => g.op('Div', [x, y])
/** a·x with a number. */
export function scale(g: G, x: Value, a: number): Value {
  const number = filling(g, x, x.shape)
  if (number !== null) return g.filled(x.shape, number * a)
  return a === 1 ? x : mul(g, x, g.scalar(a))
}

/** Where the result is a constant of one number, that number: the gradient of a mean begins with some of those. */
function filling(g: G, x: Value, made: Shape): number | null {
  return x.type === 'float32' && sizeOf(made) <= FILLED_MAX ? g.numberIn(x) : null
}

/** Larger constants are left to the operator that makes them, else they would weigh down the model. */
const FILLED_MAX = 4096

export const relu = (g: G, x: Value): Value => g.op('Relu', [x])
export const tanh = (g: G, x: Value): Value => g.op('Tanh', [x])
/** 1/(1 + e⁻ˣ) */
export const sigmoid = (g: G, x: Value): Value => g.op('Sigmoid', [x])
/** ln(1 + eˣ) */
export const softplus = (g: G, x: Value): Value => g.op('Softplus', [x])
export const exp = (g: G, x: Value): Value => g.op('Exp', [x])
export const log = (g: G, x: Value): Value => g.op('Log', [x])
export const erf = (g: G, x: Value): Value => g.op('Erf', [x])
/** x·Φ(x), exactly (`none`) or by its approximation with tanh. Hendrycks & Gimpel 2016. */
export const gelu = (g: G, x: Value, approximate: 'none' | 'tanh' = 'none'): Value =>
  g.op('Gelu', [x], approximate === 'none' ? {} : { approximate })

/** [m, k] · [k, n] (+ c, broadcast to [m, n]); either matrix transposed on demand, the product times alpha. */
export function gemm(
  g: G,
  a: Value,
  b: Value,
  c: Value | null = null,
  { transA = false, transB = false, alpha = 1 } = {},
): Value {
  const plain = { ...(transA && { transA }), ...(transB && { transB }), ...(alpha !== 1 && { alpha }) }
  return g.op('Gemm', c ? [a, b, c] : [a, b], plain)
}

/** Numpy's matmul: the last two dimensions multiply, those before broadcast. */
export const matmul = (g: G, a: Value, b: Value): Value => g.op('MatMul', [a, b])

/** α · A′ · B′ over batches, where ′ transposes the last two dimensions on demand; nothing is copied for that. */
export function matmulFused(g: G, a: Value, b: Value, { transA = false, transB = false, alpha = 1 } = {}): Value {
  if (!transA && !transB && alpha === 1) return matmul(g, a, b)
  return g.op('FusedMatMul', [a, b], { transA, transB, alpha }, { domain: 'com.microsoft' })
}

/** Along the last axis. */
export const softmax = (g: G, x: Value, axis = -1): Value => g.op('Softmax', [x], { axis })
/** x − ln Σ eˣ along an axis. */
export const logSoftmax = (g: G, x: Value, axis = -1): Value => g.op('LogSoftmax', [x], { axis })

/** γ ∘ (x − μ)/√(σ² + ε) + β with mean and variance over the last axis. Ba, Kiros & Hinton 2016, eq. 4. */
export const layerNorm = (g: G, x: Value, gamma: Value, beta: Value, epsilon = 1e-5): Value =>
  g.op('LayerNormalization', [x, gamma, beta], { axis: -1, epsilon })

/** Over these axes (all, where none are given). */
export const sum = (g: G, x: Value, axes?: readonly number[], keep = false): Value =>
  reduce(g, 'ReduceSum', x, axes, keep)
export const mean = (g: G, x: Value, axes?: readonly number[], keep = false): Value =>
  reduce(g, 'ReduceMean', x, axes, keep)

function reduce(g: G, op: string, x: Value, axes: readonly number[] | undefined, keep: boolean): Value {
  return g.op(op, axes ? [x, g.ints(axes)] : [x], { keepdims: keep })
}

/** In another shape with as many elements; −1 takes what is left. The same shape costs nothing. */
export function reshape(g: G, x: Value, shape: Shape): Value {
  const rest = sizeOf(x.shape) / sizeOf(shape.filter((size) => size !== -1))
  const made = shape.map((size) => (size === -1 ? rest : size))
  if (sameShape(x.shape, made)) return x
  const number = filling(g, x, made)
  return number === null ? g.op('Reshape', [x, g.ints(made)]) : g.filled(made, number)
}

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((size, i) => size === b[i])

/** Axis i of the result is axis order[i] of x. */
export const transpose = (g: G, x: Value, order: readonly number[]): Value => g.op('Transpose', [x], { perm: order })

export const concat = (g: G, parts: readonly Value[], axis: number): Value => g.op('Concat', parts, { axis })

/** Into parts of these sizes along an axis. */
export const split = (g: G, x: Value, sizes: readonly number[], axis: number): Value[] =>
  g.node('Split', [x, g.ints(sizes)], { axis })

/** The elements [start, stop) along one axis. */
export const slice = (g: G, x: Value, axis: number, start: number, stop: number): Value =>
  g.op('Slice', [x, g.ints([start]), g.ints([stop]), g.ints([axis])])

/** Zeros before and after x along one axis. */
export function pad(g: G, x: Value, axis: number, before: number, after: number): Value {
  if (before === 0 && after === 0) return x
  return g.op('Pad', [x, g.ints([before, after]), null, g.ints([axis])])
}

/** table[indices] along an axis: rows of an embedding, where the axis is 0. */
export const gather = (g: G, table: Value, indices: Value, axis = 0): Value =>
  g.op('Gather', [table, indices], { axis })

/** One place of an axis, which goes away: the first token of [rows, tokens, width] gives [rows, width]. */
export const pick = (g: G, x: Value, axis: number, at: number): Value => gather(g, x, g.scalar(at, 'int64'), axis)

/** yes where the condition holds, else no; broadcast. */
export const where = (g: G, condition: Value, yes: Value, no: Value): Value => g.op('Where', [condition, yes, no])

export function cast(g: G, x: Value, type: ElementType): Value {
  return x.type === type ? x : g.op('Cast', [x], { to: castTo(type) })
}

/** x repeated along its axes of size 1, to exactly this shape. */
export function expand(g: G, x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x
  const number = filling(g, x, shape)
  return number === null ? g.op('Expand', [x, g.ints(shape)]) : g.filled(shape, number)
}

/** All of them added up. */
export function total(g: G, terms: readonly Value[]): Value {
  const [first, ...rest] = terms
  assert(first, 'a sum needs a term')
  return rest.reduce((sum, term) => add(g, sum, term), first)
}
