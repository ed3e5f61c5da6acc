/** What the shape rules read of a use. */
import assert from 'node:assert/strict'
import { numbersOf } from '../attributes.ts'
import type { Shape, Value } from '../ir.ts'
import { numbers } from '../tensor.ts'
import type { Use } from './infer.ts'

/** The i-th input, which this operator cannot do without. */
export function input(use: Use, i: number): Value {
  const value = use.inputs[i]
  assert(value, `input ${i} is missing`)
  return value
}

/** The numbers of a constant input; null where the input is left out. */
export function constant(use: Use, i: number): readonly number[] | null {
  const value = use.inputs[i]
  if (!value) return null
  const tensor = use.tensorOf(value)
  assert(tensor, `input ${i} has to be a constant, for the shape depends on it`)
  return numbers(tensor)
}

/** Axes as an input (later opsets) or as an attribute (earlier ones), counted from the front; null: left out. */
export function axes(use: Use, i: number, rank: number): number[] | null {
  return (constant(use, i) ?? numbersOf(use.attributes, 'axes'))?.map((axis) => axisOf(axis, rank)) ?? null
}

/** An axis counted from the front: −1 is the last. */
export function axisOf(axis: number, rank: number): number {
  const front = axis < 0 ? axis + rank : axis
  assert(front >= 0 && front < rank, `axis ${axis} of rank ${rank}`)
  return front
}

/** The shape of all of them together: from the right, equal dimensions or 1 (numpy's broadcasting). */
export function broadcast(...shapes: readonly Shape[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length))
  return Array.from({ length: rank }, (_, i) => {
    const sizes = shapes.map((shape) => shape[i - rank + shape.length] ?? 1)
    const size = sizes.find((size) => size !== 1) ?? 1
    assert(
      sizes.every((other) => other === 1 || other === size),
      `[${shapes.map((shape) => shape.join(', ')).join('] and [')}] do not broadcast`,
    )
    return size
  })
}
