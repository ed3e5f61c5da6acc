import { stringOf } from '../../graph/attributes.ts'
import type { GraphBuilder } from '../../graph/builder.ts'
import type { Value } from '../../graph/ir.ts'
import { add, div, erf, exp, mul, scale, sub, tanh } from '../../graph/ops.ts'
import type { Rule, Rules } from '../rule.ts'

const gradient: Rule = ({ g, node, inputs: [x], dy }) => [
  () => (stringOf(node.attributes, 'approximate', 'none') === 'tanh' ? slopeOfTanh(g, x, dy) : slope(g, x, dy)),
]

/**
 * y = x·Φ(x) = ½x(1 + erf s), s = x/√2:
 *
 *   dx = dy ∘ (½ + ½·erf s + s/(√π·e^(s²)))
 *
 * Hendrycks & Gimpel 2016; Φ is the standard normal distribution. Written for few passes over memory: HardSigmoid makes
 * ½ + ½·erf s in one (it lies between 0 and 1), and the quotient, which is 0 where e^(s²) overflows, saves a sign.
 */
function slope(g: GraphBuilder, x: Value, dy: Value): Value {
  const s = scale(g, x, Math.SQRT1_2)
  const distribution = g.op('HardSigmoid', [erf(g, s)], { alpha: 0.5, beta: 0.5 })
  const density = scale(g, div(g, s, exp(g, mul(g, s, s))), 1 / Math.sqrt(Math.PI))
  return mul(g, dy, add(g, distribution, density))
}

/**
 * y = ½x(1 + t), t = tanh u, u = √(2/π)·(x + 0.044715x³):
 *
 *   dx = ½·dy ∘ (1 + t + x(1 − t²)·√(2/π)(1 + 3·0.044715x²))
 */
function slopeOfTanh(g: GraphBuilder, x: Value, dy: Value): Value {
  const [root, cubic] = [Math.sqrt(2 / Math.PI), 0.044715]
  const square = mul(g, x, x)
  const one = g.scalar(1)
  const t = tanh(g, mul(g, scale(g, x, root), add(g, one, scale(g, square, cubic))))
  const inner = add(g, g.scalar(root), scale(g, square, 3 * cubic * root))
  const rising = mul(g, mul(g, x, inner), sub(g, one, mul(g, t, t)))
  return mul(g, scale(g, dy, 0.5), add(g, add(g, one, t), rising))
}

export const gelu: Rules = { Gelu: gradient }
