/** Softmax, its logarithm, and the layer norm: each element depends on a whole row. */
import assert from 'node:assert/strict'
import { numberOf } from '../../graph/attributes.ts'
import type { Value } from '../../graph/ir.ts'
import { exp, matmul, mul, reshape, scale, sub } from '../../graph/ops.ts'
import { axisOf } from '../../graph/shapes/use.ts'
import { sizeOf } from '../../graph/tensor.ts'
import type { Backward, Rule, Rules } from '../rule.ts'
import { columnSums, sumAlong, sumLast } from '../sums.ts'

/** y = softmax x: dx = y ∘ (dy − Σ y∘dy), the sum along the axis */
const softmax: Rule = (back) => {
  const { g, node, y, dy } = back
  const axis = axisOf(numberOf(node.attributes, 'axis', -1), y.shape.length)
  return [() => mul(g, y, sub(g, dy, attended(back, axis) ?? sumAlong(g, mul(g, y, dy), axis)))]
}

/**
 * Σ y∘dy along the last axis, where y = P are the weights of an attention, O = P·V or O = (P ∘ dropout)·V:
 *
 *   Σⱼ Pᵢⱼ·dPᵢⱼ = Σⱼ Pᵢⱼ Σ_c dOᵢ_c Vⱼ_c = Σ_c dOᵢ_c Oᵢ_c
 *
 * The right side sums over the width of a head, the left over the length of the text, and needs a product of that size.
 * Dao et al. 2022, appendix B.2, eq. 4. Null where y is used in another way.
 */
function attended({ g, y, readers, gradientOf }: Backward, axis: number): Value | null {
  if (axis !== y.shape.length - 1) return null
  let weights = y
  let [reader, ...others] = readers(weights)
  if (reader?.op === 'Mul' && others.length === 0 && reader.inputs[0] !== reader.inputs[1]) {
    const [made] = reader.outputs
    assert(made)
    // A mask that is not broadcast from more than y: the product has to be y's gradient element by element.
    if (made.shape.length !== y.shape.length || sizeOf(made.shape) !== sizeOf(y.shape)) return null
    weights = made
    ;[reader, ...others] = readers(weights)
  }
  if (!reader || others.length > 0 || reader.inputs[0] !== weights || reader.inputs[1] === weights) return null
  const [made] = reader.outputs
  if (!made || (reader.inputs[1]?.shape.length ?? 0) < 2) return null
  const plain =
    reader.op === 'MatMul' || (reader.op === 'FusedMatMul' && numberOf(reader.attributes, 'transA', 0) === 0)
  const gradient = plain ? gradientOf(made) : null
  // The same rows on both sides, else V's batches were broadcast over.
  if (!gradient || sizeOf(made.shape.slice(0, -1)) !== sizeOf(y.shape.slice(0, -1))) return null
  return sumLast(g, mul(g, gradient, made))
}

/** y = x − ln Σ eˣ: dx = dy − eʸ ∘ Σ dy */
const logSoftmax: Rule = ({ g, node, y, dy }) => {
  const axis = axisOf(numberOf(node.attributes, 'axis', -1), y.shape.length)
  return [() => sub(g, dy, mul(g, exp(g, y), sumAlong(g, dy, axis)))]
}

/**
 * y = γ ∘ x̂ + β, x̂ = (x − μ)·r, r = 1/√(σ² + ε), over the last axis of D elements:
 *
 *   c₁ = dy·γ/D, c₂ = (dy ∘ x̂)·γ/D        [rows, 1]
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
    const averaging = reshape(g, scale(g, gamma, 1 / width), [width, 1])
    const [c1, c2] = [matmul(g, dy, averaging), matmul(g, product, averaging)]
    return mul(g, inverse, sub(g, sub(g, mul(g, dy, gamma), mul(g, unit, c2)), c1))
  }
  return [dx, () => columnSums(g, shared().product), () => columnSums(g, dy)]
}

export const normalization: Rules = { Softmax: softmax, LogSoftmax: logSoftmax, LayerNormalization: layerNorm }
