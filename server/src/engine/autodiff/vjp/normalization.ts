/** Softmax, its logarithm, and the layer norm: each element depends on a whole row. */
import assert from 'node:assert/strict'
import { numberOf } from '../../graph/attributes.ts'
import type { Node, Value } from '../../graph/ir.ts'
import { exp, matmul, mean, mul, reshape, sameShape, scale, sub } from '../../graph/ops.ts'
import { axisOf } from '../../graph/shapes/use.ts'
import type { Backward, Rule, Rules } from '../rule.ts'
import { columnSums, sumAlong } from '../sums.ts'

/** y = softmax x: dx = y ∘ (dy − Σ y∘dy), the sum along the axis */
const softmax: Rule = (back) => {
  const { g, node, y, dy } = back
  const axis = axisOf(numberOf(node.attributes, 'axis', -1), y.shape.length)
  return [() => mul(g, y, sub(g, dy, attended(back, axis) ?? sumAlong(g, mul(g, y, dy), axis)))]
}

/**
 * Σ y∘dy along the last axis, where y = P are the weights of an attention, O = α·P·V or O = α·(P∘dropout)·V, and dO is known:
 *
 *   Σⱼ Pᵢⱼ·dPᵢⱼ = Σⱼ Pᵢⱼ Σ_c α·dOᵢ_c·Vⱼ_c = Σ_c dOᵢ_c·Oᵢ_c
 *
 * The right side sums over the width of a head, the left over the length of the text. Dao et al. 2022, appendix B.2, eq. 4.
 * Null where y is used in another way.
 */
function attended(back: Backward, axis: number): Value | null {
  const { g, y, gradientOf } = back
  if (axis !== y.shape.length - 1) return null
  const weights = onlyResult(back, y, ({ op }) => op === 'Mul') ?? y
  const product = onlyResult(back, weights, ({ op, inputs, attributes }) => {
    const plain = op === 'MatMul' || (op === 'FusedMatMul' && numberOf(attributes, 'transA', 0) === 0)
    return plain && inputs[0] === weights
  })
  // Other rows than P's: V has batches that P was broadcast over, or is a vector.
  if (!product || !sameShape(product.shape.slice(0, -1), y.shape.slice(0, -1))) return null
  const gradient = gradientOf(product)
  return gradient && sumAlong(g, mul(g, gradient, product), axis)
}

/** What the only node that reads a value makes of it, if it is a node of that kind and reads the value once. */
function onlyResult({ readers }: Backward, value: Value, isWanted: (node: Node) => boolean): Value | null {
  const [reader, ...others] = readers(value)
  if (!reader || others.length > 0 || reader.inputs.filter((input) => input === value).length > 1) return null
  return isWanted(reader) ? (reader.outputs[0] ?? null) : null
}

/** y = x − ln Σ eˣ: dx = dy − eʸ ∘ Σ dy */
const logSoftmax: Rule = ({ g, node, y, dy }) => {
  const axis = axisOf(numberOf(node.attributes, 'axis', -1), y.shape.length)
  return [() => sub(g, dy, mul(g, exp(g, y), sumAlong(g, dy, axis)))]
}

/**
 * y = γ ∘ x̂ + β, x̂ = (x − μ)·r, r = 1/√(σ² + ε), over the last axis of D elements:
 *
 *   c₁ = mean(dy ∘ γ), c₂ = (dy ∘ x̂)·γ/D   [rows, 1]
 *   dx = r ∘ (dy ∘ γ − x̂ ∘ c₂ − c₁)
 *   dγ = Σ dy ∘ x̂, dβ = Σ dy              over the rows
 *
 * Ba, Kiros & Hinton 2016, differentiated. ONNX Runtime hands out r, and makes x̂ fastest as a layer norm with γ = 1.
 */
const layerNorm: Rule = ({ g, node, inputs: [x, gamma], dy }) => {
  const rank = x.shape.length
  const axis = axisOf(numberOf(node.attributes, 'axis', -1), rank)
  assert(axis === rank - 1 && gamma.shape.length === 1, 'only the layer norm over the last axis has a gradient here')
  const width = x.shape[axis]
  const epsilon = numberOf(node.attributes, 'epsilon', 1e-5)
  let made: { unit: Value; product: Value } | undefined
  const shared = () => {
    if (made) return made
    const unit = g.op('LayerNormalization', [x, g.filled([width], 1)], { axis: -1, epsilon })
    return (made = { unit, product: mul(g, dy, unit) })
  }
  const dx = () => {
    const { unit, product } = shared()
    const [, , inverse] = g.moreOutputs(node, 3)
    const scaled = mul(g, dy, gamma)
    const c1 = mean(g, scaled, [axis], true)
    const c2 = matmul(g, product, reshape(g, scale(g, gamma, 1 / width), [width, 1]))
    return mul(g, inverse, sub(g, sub(g, scaled, mul(g, unit, c2)), c1))
  }
  return [dx, () => columnSums(g, shared().product), () => columnSums(g, dy)]
}

export const normalization: Rules = { Softmax: softmax, LogSoftmax: logSoftmax, LayerNormalization: layerNorm }
