/** Operators that move elements without changing them: reshaping, transposing, joining, splitting, padding. */
import assert from 'node:assert/strict'
import { numberOf, numbersOf } from '../attributes.ts'
import { sizeOf } from '../tensor.ts'
import type { Rule } from './infer.ts'
import { axes, axisOf, broadcast, constant, input } from './use.ts'

/** 0 keeps the dimension at that place (unless `allowzero`), one −1 takes what is left. */
const reshape: Rule = (use) => {
  const { type, shape } = input(use, 0)
  const zero = numberOf(use.attributes, 'allowzero', 0) === 1
  const asked = (constant(use, 1) ?? []).map((size, i) => (size === 0 && !zero ? shape[i] : size))
  const rest = sizeOf(shape) / sizeOf(asked.filter((size) => size !== -1))
  const made = asked.map((size) => (size === -1 ? rest : size))
  assert(sizeOf(made) === sizeOf(shape), `[${made.join(', ')}] has another number of elements`)
  return [{ type, shape: made }]
}

const flatten: Rule = (use) => {
  const { type, shape } = input(use, 0)
  const axis = numberOf(use.attributes, 'axis', 1)
  const at = axis < 0 ? axis + shape.length : axis
  return [{ type, shape: [sizeOf(shape.slice(0, at)), sizeOf(shape.slice(at))] }]
}

const transpose: Rule = (use) => {
  const { type, shape } = input(use, 0)
  const order = numbersOf(use.attributes, 'perm') ?? shape.map((_, i) => shape.length - 1 - i)
  assert(new Set(order).size === shape.length && order.length === shape.length, `perm [${order.join(', ')}]`)
  return [{ type, shape: order.map((axis) => shape[axis]) }]
}

const squeeze: Rule = (use) => {
  const { type, shape } = input(use, 0)
  const dropped = axes(use, 1, shape.length) ?? shape.flatMap((size, i) => (size === 1 ? [i] : []))
  assert(
    dropped.every((axis) => shape[axis] === 1),
    'only axes of size 1 are squeezed',
  )
  return [{ type, shape: shape.filter((_, i) => !dropped.includes(i)) }]
}

const unsqueeze: Rule = (use) => {
  const { type, shape } = input(use, 0)
  const count = (constant(use, 1) ?? numbersOf(use.attributes, 'axes') ?? []).length
  const added = axes(use, 1, shape.length + count) ?? []
  const rest = shape[Symbol.iterator]()
  const made = Array.from({ length: shape.length + count }, (_, i) =>
    added.includes(i) ? 1 : (rest.next().value ?? 1),
  )
  return [{ type, shape: made }]
}

const expand: Rule = (use) => {
  const { type, shape } = input(use, 0)
  return [{ type, shape: broadcast(shape, constant(use, 1) ?? []) }]
}

const concat: Rule = (use) => {
  const parts = use.inputs.map((_, i) => input(use, i))
  const first = input(use, 0)
  const axis = axisOf(numberOf(use.attributes, 'axis', 0), first.shape.length)
  for (const part of parts)
    assert.deepEqual(part.shape.with(axis, 0), first.shape.with(axis, 0), 'the other axes differ')
  return [
    {
      type: first.type,
      shape: first.shape.with(
        axis,
        parts.reduce((sum, part) => sum + part.shape[axis], 0),
      ),
    },
  ]
}

/** Into parts of the given sizes, or into `num_outputs` parts of which the last may be smaller. */
const split: Rule = (use) => {
  const { type, shape } = input(use, 0)
  const axis = axisOf(numberOf(use.attributes, 'axis', 0), shape.length)
  const whole = shape[axis]
  const count = numberOf(use.attributes, 'num_outputs', use.outputs ?? 0)
  const size = Math.ceil(whole / count)
  const sizes =
    constant(use, 1) ?? Array.from({ length: count }, (_, i) => (i < count - 1 ? size : whole - size * (count - 1)))
  assert(
    sizes.reduce((sum, part) => sum + part, 0) === whole && sizes.every((part) => part >= 0),
    `[${sizes.join(', ')}] does not split ${whole}`,
  )
  return sizes.map((part) => ({ type, shape: shape.with(axis, part) }))
}

/** `pads` holds what comes before each axis, then what comes after each; a negative number crops. */
const pad: Rule = (use) => {
  const { type, shape } = input(use, 0)
  const pads = constant(use, 1) ?? []
  const padded = axes(use, 3, shape.length) ?? shape.map((_, i) => i)
  assert(pads.length === 2 * padded.length, 'two pads for each axis')
  const made = [...shape]
  padded.forEach((axis, i) => (made[axis] = shape[axis] + pads[i] + pads[i + padded.length]))
  return [{ type, shape: made }]
}

export const layout: Readonly<Record<string, Rule>> = {
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Expand: expand,
  Concat: concat,
  Split: split,
  Pad: pad,
  Shape: (use) => [{ type: 'int64', shape: [input(use, 0).shape.length] }],
}
