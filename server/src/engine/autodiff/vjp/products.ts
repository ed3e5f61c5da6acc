/** Matrix products. Y = α·A·B: dA = α·dY·Bᵀ, dB = α·Aᵀ·dY; nothing is transposed in memory. */
import { numberOf } from '../../graph/attributes.ts'
import type { GraphBuilder } from '../../graph/builder.ts'
import type { Shape, Value } from '../../graph/ir.ts'
import { gemm, matmulFused, reshape, scale } from '../../graph/ops.ts'
import type { Backward, Rule, Rules } from '../rule.ts'
import { sumTo } from '../sums.ts'

interface Flags {
  readonly transA: boolean
  readonly transB: boolean
  readonly alpha: number
}

type Multiply = (a: Value, b: Value, flags: Flags) => Value

/**
 * Y = α·A′·B′, where ′ transposes if its flag is set:
 *
 *   dA = α·dY·B′ᵀ, or (α·dY·B′ᵀ)ᵀ = α·B′·dYᵀ where A is transposed; dB = α·A′ᵀ·dY, or α·dYᵀ·A′
 */
function ofProduct(multiply: Multiply, a: Value, b: Value, dy: Value, { transA, transB, alpha }: Flags) {
  const da = transA
    ? () => multiply(b, dy, { transA: transB, transB: true, alpha })
    : () => multiply(dy, b, { transA: false, transB: !transB, alpha })
  const db = transB
    ? () => multiply(dy, a, { transA: true, transB: transA, alpha })
    : () => multiply(a, dy, { transA: !transA, transB: false, alpha })
  return [da, db] as const
}

/** Y = α·A′·B′ + β·C: as above, and dC = β·dY. */
const gemmRule: Rule = ({ g, node, inputs: [a, b], dy }) => {
  const multiply: Multiply = (a, b, flags) => gemm(g, a, b, null, flags)
  const c = node.inputs[2]
  const beta = numberOf(node.attributes, 'beta', 1)
  return [...ofProduct(multiply, a, b, dy, flagsOf(node)), c ? () => scale(g, sumTo(g, dy, c.shape), beta) : null]
}

function flagsOf({ attributes }: Backward['node']): Flags {
  return {
    transA: numberOf(attributes, 'transA', 0) === 1,
    transB: numberOf(attributes, 'transB', 0) === 1,
    alpha: numberOf(attributes, 'alpha', 1),
  }
}

/** A matrix on the right of many rows is one large product of two matrices; everything else is multiplied batch by batch. */
const matmulRule: Rule = (back) => {
  const { g, node, inputs, y, dy } = back
  const flags = flagsOf(node)
  const [a, b] = [asMatrices(g, inputs[0], 'row'), asMatrices(g, inputs[1], 'column')]
  if (b.shape.length === 2 && !flags.transA) {
    const [rows, made] = [flat(g, a), flat(g, dy, b.shape[flags.transB ? 0 : 1])]
    const [da, db] = ofProduct((a, b, asked) => gemm(g, a, b, null, asked), rows, b, made, flags)
    return [() => reshape(g, da(), inputs[0].shape), () => reshape(g, db(), inputs[1].shape)]
  }
  const [m, n] = [a.shape.at(flags.transA ? -1 : -2) ?? 1, b.shape.at(flags.transB ? -2 : -1) ?? 1]
  const vectors = (inputs[0].shape.length === 1 ? 1 : 0) + (inputs[1].shape.length === 1 ? 1 : 0)
  const made = reshape(g, dy, [...y.shape.slice(0, y.shape.length - 2 + vectors), m, n])
  const [da, db] = ofProduct((a, b, asked) => matmulFused(g, a, b, asked), a, b, made, flags)
  const fit = (product: Value, matrices: Shape, original: Value) =>
    reshape(g, sumTo(g, product, matrices), original.shape)
  return [() => fit(da(), a.shape, inputs[0]), () => fit(db(), b.shape, inputs[1])]
}

/** A vector as the matrix that numpy's matmul makes of it. */
function asMatrices(g: GraphBuilder, x: Value, side: 'row' | 'column'): Value {
  if (x.shape.length > 1) return x
  return reshape(g, x, side === 'row' ? [1, -1] : [-1, 1])
}

/** [rows of all batches, width] */
const flat = (g: GraphBuilder, x: Value, width = x.shape.at(-1) ?? 1): Value => reshape(g, x, [-1, width])

export const products: Rules = { Gemm: gemmRule, MatMul: matmulRule, FusedMatMul: matmulRule }
