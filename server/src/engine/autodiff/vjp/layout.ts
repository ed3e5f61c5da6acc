/** What only moves elements moves the gradient back. */
import { numberOf, numbersOf } from '../../graph/attributes.ts'
import { concat, expand, reshape, slice, split, transpose } from '../../graph/ops.ts'
import { axisOf } from '../../graph/shapes/use.ts'
import { numbers } from '../../graph/tensor.ts'
import type { Rule, Rules } from '../rule.ts'

const reshaped: Rule = ({ g, inputs: [x], dy }) => [() => reshape(g, dy, x.shape)]

/** y = x with axes in this order: dx = dy in the inverse order */
const transposed: Rule = ({ g, node, inputs: [x], dy }) => {
  const order = numbersOf(node.attributes, 'perm') ?? x.shape.map((_, i) => x.shape.length - 1 - i)
  return [
    () =>
      transpose(
        g,
        dy,
        order.map((_, axis) => order.indexOf(axis)),
      ),
  ]
}

/** y = [x₁ … xₙ]: dxᵢ is its part of dy */
const concatenated: Rule = ({ g, node, inputs, dy }) => {
  const axis = axisOf(numberOf(node.attributes, 'axis', 0), dy.shape.length)
  const sizes = inputs.map((x) => x.shape[axis])
  let parts: ReturnType<typeof split> | undefined
  return inputs.map((_, i) => () => (parts ??= split(g, dy, sizes, axis))[i])
}

/** [y₁ … yₙ] = x: dx = [dy₁ … dyₙ], zeros for a part that the loss does not see */
const splitted: Rule = ({ g, node, dys }) => {
  const first = node.outputs.find((output) => output !== null)
  const axis = axisOf(numberOf(node.attributes, 'axis', 0), first?.shape.length ?? 0)
  const parts = () => node.outputs.map((output, i) => dys[i] ?? expand(g, g.scalar(0), output?.shape ?? []))
  return [() => concat(g, parts(), axis), null]
}

/** The caller sums what was repeated. */
const expanded: Rule = ({ dy }) => [() => dy, null]

/** y = x between constants: dx = dy without them */
const padded: Rule = ({ g, inputs: [x, pads, , axes], dy }) => {
  const tensor = g.tensorOf(pads)
  const listed = axes ? g.tensorOf(axes) : null
  const along = listed ? numbers(listed) : x.shape.map((_, i) => i)
  const before = tensor ? numbers(tensor) : []
  return [
    () =>
      along.reduce((part, axis, i) => {
        const at = axisOf(axis, x.shape.length)
        return slice(g, part, at, before[i], before[i] + x.shape[at])
      }, dy),
  ]
}

export const layout: Rules = {
  Reshape: (back) => [...reshaped(back), null],
  Flatten: reshaped,
  Squeeze: (back) => [...reshaped(back), null],
  Unsqueeze: (back) => [...reshaped(back), null],
  Transpose: transposed,
  Concat: concatenated,
  Split: splitted,
  Expand: expanded,
  Pad: padded,
}
