/** What was picked goes back to where it was; the rest of the gradient is zero. */
import { numberOf } from '../../graph/attributes.ts'
import type { GraphBuilder } from '../../graph/builder.ts'
import type { Shape, Value } from '../../graph/ir.ts'
import { expand, pad, reshape, transpose } from '../../graph/ops.ts'
import { sliceBounds } from '../../graph/shapes/selections.ts'
import { axisOf } from '../../graph/shapes/use.ts'
import { numbers } from '../../graph/tensor.ts'
import type { Rule, Rules } from '../rule.ts'

/** y = x[first, first + count) along axes: dx = zeros, dy, zeros */
const slice: Rule = ({ g, inputs: [x, ...rest], dy }) => {
  const [starts, ends, axes, steps] = rest.map((value) => numbersIn(g, value))
  const along = axes ?? starts?.map((_, i) => i) ?? []
  return [
    () =>
      along.reduce((grown, asked, i) => {
        const axis = axisOf(asked, x.shape.length)
        if ((steps?.[i] ?? 1) !== 1) throw new TypeError('a Slice with a step other than 1 has no gradient here')
        const { first, count } = sliceBounds(x.shape[axis], starts?.[i] ?? 0, ends?.[i] ?? 0, 1)
        return pad(g, grown, axis, first, x.shape[axis] - first - count)
      }, dy),
  ]
}

function numbersIn(g: GraphBuilder, value: Value | undefined | null): number[] | null {
  const tensor = value ? g.tensorOf(value) : null
  return tensor && numbers(tensor)
}

/** y = x[indices] along an axis: dx = Σ of the dy whose index it was */
const gather: Rule = ({ g, node, inputs: [x, indices], dy }) => {
  const axis = axisOf(numberOf(node.attributes, 'axis', 0), x.shape.length)
  const one = indices.shape.length === 0 ? numbersIn(g, indices)?.[0] : undefined
  if (one !== undefined) {
    const at = axisOf(one, x.shape[axis])
    return [() => pad(g, reshape(g, dy, x.shape.with(axis, 1)), axis, at, x.shape[axis] - at - 1), null]
  }
  return [() => scatter(g, x.shape, axis, indices, dy), null]
}

/** Zeros of this shape, to which the slices of dy are added at their indices of the axis. */
function scatter(g: GraphBuilder, shape: Shape, axis: number, indices: Value, dy: Value): Value {
  const places = reshape(g, indices, [...indices.shape, 1])
  const rank = indices.shape.length
  // ScatterND writes to the leading axis: the gathered one goes to the front, and back afterwards.
  const front = [axis, ...shape.map((_, i) => i).filter((i) => i !== axis)]
  const zeros = expand(
    g,
    g.scalar(0),
    front.map((i) => shape[i]),
  )
  const leading = dy.shape.map((_, i) => i)
  const updates = axis === 0 ? dy : transpose(g, dy, [...leading.splice(axis, rank), ...leading])
  const scattered = g.op('ScatterND', [zeros, places, updates], { reduction: 'add' })
  return axis === 0
    ? scattered
    : transpose(
        g,
        scattered,
        front.map((_, i) => front.indexOf(i)),
      )
}

export const selections: Rules = { Gather: gather, Slice: slice }
