/** Sums and means over axes: what was summed gets the sum's gradient everywhere. */
import { numberOf, numbersOf } from '../../graph/attributes.ts'
import type { Value } from '../../graph/ir.ts'
import { expand, reshape, scale } from '../../graph/ops.ts'
import { numbers, sizeOf } from '../../graph/tensor.ts'
import type { Backward, Rule, Rules } from '../rule.ts'

/** y = Σ x over axes: dx = dy, repeated along them */
const sumRule: Rule = (back) => [() => expand(back.g, withAxes(back), back.inputs[0].shape)]

/** y = Σ x / n: dx = dy / n, repeated */
const meanRule: Rule = (back) => {
  const {
    g,
    inputs: [x],
    y,
  } = back
  return [() => expand(g, scale(g, withAxes(back), sizeOf(y.shape) / sizeOf(x.shape)), x.shape)]
}

/** dy with the axes that were summed away back in place, each of size 1. */
function withAxes({ g, node, inputs: [x, axes], dy }: Backward): Value {
  if (numberOf(node.attributes, 'keepdims', 1) === 1) return dy
  const tensor = axes && g.tensorOf(axes)
  const list = (tensor ? numbers(tensor) : numbersOf(node.attributes, 'axes')) ?? []
  const gone = new Set(list.map((axis) => (axis < 0 ? axis + x.shape.length : axis)))
  return reshape(
    g,
    dy,
    x.shape.map((size, axis) => (gone.size === 0 || gone.has(axis) ? 1 : size)),
  )
}

export const reductions: Rules = { ReduceSum: sumRule, ReduceMean: meanRule }
