/** Arrays of float64 with a shape, written for clearness alone: every element is computed from its index. */
import assert from 'node:assert/strict'
import type { Shape } from '../../src/engine/graph/ir.ts'
import { sizeOf } from '../../src/engine/graph/tensor.ts'

export interface Numbers {
  readonly shape: Shape
  readonly values: Float64Array
}

type Index = readonly number[]

/** The array of this shape whose element at each index is f(index). */
export function make(shape: Shape, f: (index: Index) => number): Numbers {
  const values = new Float64Array(sizeOf(shape))
  for (let at = 0; at < values.length; at++) values[at] = f(indexOf(at, shape))
  return { shape, values }
}

/** The element at an index, which may be of an array that this one broadcasts to. */
export function at({ shape, values }: Numbers, index: Index): number {
  let place = 0
  const more = index.length - shape.length
  for (let axis = 0; axis < shape.length; axis++) {
    place = place * shape[axis] + (shape[axis] === 1 ? 0 : index[axis + more])
  }
  assert(place < values.length || values.length === 0, `[${index.join(', ')}] is outside of [${shape.join(', ')}]`)
  return values[place]
}

function indexOf(at: number, shape: Shape): number[] {
  const index = new Array<number>(shape.length)
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = at % shape[axis]
    at = Math.floor(at / shape[axis])
  }
  return index
}

export const map = ({ shape, values }: Numbers, f: (x: number) => number): Numbers => ({ shape, values: values.map(f) })

/** The elements of several arrays side by side, broadcast to one shape. */
export function zip(arrays: readonly Numbers[], f: (...xs: number[]) => number): Numbers {
  const rank = Math.max(...arrays.map(({ shape }) => shape.length))
  const shape = Array.from({ length: rank }, (_, i) => {
    const sizes = arrays.map((array) => array.shape[i - rank + array.shape.length] ?? 1)
    return sizes.includes(0) ? 0 : Math.max(...sizes)
  })
  return make(shape, (index) => f(...arrays.map((array) => at(array, index))))
}

/** For each index without these axes (left at size 1), f of the elements along them. */
export function fold(x: Numbers, axes: readonly number[], f: (xs: readonly number[]) => number): Numbers {
  const groups = x.shape.map((size, axis) => (axes.includes(axis) ? size : 1))
  const shape = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
  return make(shape, (index) => {
    const along = make(groups, (offset) =>
      at(
        x,
        index.map((i, axis) => i + offset[axis]),
      ),
    )
    return f([...along.values])
  })
}

export const reshaped = ({ values }: Numbers, shape: Shape): Numbers => ({ shape, values })

export const turned = (x: Numbers, order: readonly number[]): Numbers =>
  make(
    order.map((axis) => x.shape[axis]),
    (index) =>
      at(
        x,
        x.shape.map((_, axis) => index[order.indexOf(axis)]),
      ),
  )

export const sum = (xs: readonly number[]): number => xs.reduce((total, x) => total + x, 0)
export const mean = (xs: readonly number[]): number => sum(xs) / xs.length
