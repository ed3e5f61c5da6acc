/** Sums over axes: of columns as a product with ones, which takes half of ReduceSum's time; of rows by ReduceSum (bench/engine/ops.ts). */
import type { GraphBuilder } from '../graph/builder.ts'
import type { Shape, Value } from '../graph/ir.ts'
import { matmul, reshape, sameShape, sum } from '../graph/ops.ts'
import { sizeOf } from '../graph/tensor.ts'

type G = GraphBuilder

/**
 * The transpose of broadcasting: x summed down to a shape that broadcasts to its own.
 *
 *   y = broadcast(a)  ⇒  ∂L/∂aᵢ = Σ ∂L/∂yⱼ over all j that got aᵢ
 */
export function sumTo(g: G, x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x
  const missing = x.shape.length - shape.length
  const axes = x.shape.flatMap((size, i) => (i < missing || (shape[i - missing] === 1 && size !== 1) ? [i] : []))
  return reshape(g, sumOver(g, x, axes), shape)
}

/** Σ over these axes, which go away. */
function sumOver(g: G, x: Value, axes: readonly number[]): Value {
  const rank = x.shape.length
  if (axes.length === 0) return x
  if (axes.length === rank) return sum(g, x)
  if (axes.every((axis, i) => axis === i)) return columnSums(g, x, axes.length)
  return sum(g, x, axes)
}

/** Σ over the first axes: 1ᵀ·X with X [n, rest]. */
export function columnSums(g: G, x: Value, axes = x.shape.length - 1): Value {
  const rest = x.shape.slice(axes)
  const n = sizeOf(x.shape.slice(0, axes))
  return reshape(g, matmul(g, g.filled([n], 1), reshape(g, x, [n, sizeOf(rest)])), rest)
}

/** Σ over one axis, which stays with size 1. */
export const sumAlong = (g: G, x: Value, axis: number): Value => sum(g, x, [axis], true)
