/** Operators that reduce axes, and the layer norm, whose statistics do. */
import assert from 'node:assert/strict'
import { numberOf } from '../attributes.ts'
import type { Rule } from './infer.ts'
import { axes, axisOf, broadcast, input } from './use.ts'

const reduce: Rule = (use) => {
  const { type, shape } = input(use, 0)
  const reduced = axes(use, 1, shape.length) ?? []
  if (reduced.length === 0 && numberOf(use.attributes, 'noop_with_empty_axes', 0) === 1) return [{ type, shape }]
  const drops = (axis: number): boolean => reduced.length === 0 || reduced.includes(axis)
  if (numberOf(use.attributes, 'keepdims', 1) === 1) {
    return [{ type, shape: shape.map((size, axis) => (drops(axis) ? 1 : size)) }]
  }
  return [{ type, shape: shape.filter((_, axis) => !drops(axis)) }]
}

/** Y in x's shape; on demand Mean and InvStdDev with 1 in the place of the normalized axes. */
const layerNormalization: Rule = (use) => {
  const [x, scale] = [input(use, 0), input(use, 1)]
  const axis = axisOf(numberOf(use.attributes, 'axis', -1), x.shape.length)
  const normalized = x.shape.slice(axis)
  assert.deepEqual(broadcast(scale.shape, normalized), normalized, 'the scale does not fit the normalized axes')
  const statistics = { type: x.type, shape: x.shape.map((size, i) => (i < axis ? size : 1)) }
  return [x, statistics, statistics].slice(0, use.outputs ?? 1)
}

const REDUCE = ['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin']

export const reductions: Readonly<Record<string, Rule>> = {
  ...Object.fromEntries(REDUCE.map((op) => [op, reduce])),
  LayerNormalization: layerNormalization,
}
