/** Operators that pick elements or put them back. */
import assert from 'node:assert/strict'
import { numberOf } from '../attributes.ts'
import type { Rule } from './infer.ts'
import { axisOf, constant, input } from './use.ts'

/** The indices' shape takes the place of the axis. */
const gather: Rule = (use) => {
  const [table, indices] = [input(use, 0), input(use, 1)]
  const axis = axisOf(numberOf(use.attributes, 'axis', 0), table.shape.length)
  return [{ type: table.type, shape: table.shape.toSpliced(axis, 1, ...indices.shape) }]
}

/** [start, stop) by step along each given axis; bounds beyond the ends are moved to them (as in numpy). */
const slice: Rule = (use) => {
  const { type, shape } = input(use, 0)
  const [starts, ends] = [constant(use, 1) ?? [], constant(use, 2) ?? []]
  const along = (constant(use, 3) ?? starts.map((_, i) => i)).map((axis) => axisOf(axis, shape.length))
  const steps = constant(use, 4) ?? starts.map(() => 1)
  const made = [...shape]
  along.forEach((axis, i) => {
    const { count } = sliceBounds(shape[axis], starts[i], ends[i], steps[i])
    made[axis] = count
  })
  return [{ type, shape: made }]
}

/** Where a slice of an axis of this size begins, and how many elements it takes. */
export function sliceBounds(size: number, start: number, end: number, step: number): { first: number; count: number } {
  assert(step !== 0, 'a step of 0')
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1]
  const clamp = (at: number): number => Math.min(Math.max(at < 0 ? at + size : at, low), high)
  const first = clamp(start)
  return { first, count: Math.max(0, Math.ceil((clamp(end) - first) / step)) }
}

/** Each update goes to the place in `data` that its index names along the axis. */
const scatterElements: Rule = (use) => {
  assert.deepEqual(input(use, 1).shape, input(use, 2).shape, 'one index for each update')
  return [input(use, 0)]
}

/** A new last axis as long as `depth` says. */
const oneHot: Rule = (use) => {
  const [depth] = constant(use, 1) ?? []
  return [{ type: input(use, 2).type, shape: [...input(use, 0).shape, depth] }]
}

export const selections: Readonly<Record<string, Rule>> = {
  Gather: gather,
  Slice: slice,
  ScatterElements: scatterElements,
  OneHot: oneHot,
}
