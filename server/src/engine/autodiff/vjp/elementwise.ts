/** y = f(x) element by element: dx = dy ∘ f′(x), written with y where that is cheaper. Broadcasting is undone by the caller. */
import { cast, div, exp, log, mul, scale, sigmoid, sub, total, where } from '../../graph/ops.ts'
import { numbers } from '../../graph/tensor.ts'
import type { Backward, Rule, Rules } from '../rule.ts'

/** y = a − b */
const minus: Rule = ({ g, dy }) => [() => dy, () => scale(g, dy, -1)]

/** y = a ∘ b */
const times: Rule = ({ g, inputs: [a, b], dy }) => [() => mul(g, dy, b), () => mul(g, dy, a)]

/** y = a / b: da = dy/b, db = −dy ∘ y/b */
const over: Rule = ({ g, inputs: [, b], y, dy }) => [() => div(g, dy, b), () => scale(g, mul(g, dy, div(g, y, b)), -1)]

/** y = Σᵢ xᵢ: dxᵢ = dy */
const plus: Rule = ({ inputs, dy }) => inputs.map(() => () => dy)

/** y = max(x, 0): dx = dy where y > 0 */
const relu: Rule = ({ g, y, dy }) => [() => mul(g, dy, cast(g, g.op('Greater', [y, g.scalar(0)]), y.type))]

/** y = tanh x: dx = dy ∘ (1 − y²) */
const tanh: Rule = ({ g, y, dy }) => [() => mul(g, dy, sub(g, g.scalar(1), mul(g, y, y)))]

/** y = 1/(1 + e⁻ˣ): dx = dy ∘ y ∘ (1 − y) */
const sigmoidRule: Rule = ({ g, y, dy }) => [() => mul(g, dy, mul(g, y, sub(g, g.scalar(1), y)))]

/** y = ln(1 + eˣ): dx = dy ∘ σ(x) */
const softplus: Rule = ({ g, inputs: [x], dy }) => [() => mul(g, dy, sigmoid(g, x))]

/** y = 2/√π ∫₀ˣ e^(−t²) dt: dx = dy ∘ 2/√π · e^(−x²) */
const erf: Rule = ({ g, inputs: [x], dy }) => [
  () => mul(g, dy, scale(g, exp(g, scale(g, mul(g, x, x), -1)), 2 / Math.sqrt(Math.PI))),
]

/** y = eˣ: dx = dy ∘ y */
const exponential: Rule = ({ g, y, dy }) => [() => mul(g, dy, y)]

/** y = ln x: dx = dy / x */
const logarithm: Rule = ({ g, inputs: [x], dy }) => [() => div(g, dy, x)]

/** y = √x: dx = dy / (2y) */
const root: Rule = ({ g, y, dy }) => [() => div(g, scale(g, dy, 0.5), y)]

/** y = 1/x: dx = −dy ∘ y² */
const reciprocal: Rule = ({ g, y, dy }) => [() => scale(g, mul(g, dy, mul(g, y, y)), -1)]

/** y = −x */
const negative: Rule = ({ g, dy }) => [() => scale(g, dy, -1)]

/** y = |x|: dx = dy ∘ sign x, 0 at 0 */
const absolute: Rule = ({ g, inputs: [x], dy }) => [() => mul(g, dy, g.op('Sign', [x]))]

/** y = xᵖ: dx = dy ∘ p·xᵖ⁻¹, dp = dy ∘ y ∘ ln x */
const power: Rule = (back) => {
  const { g, inputs, y, dy } = back
  const [x, p] = inputs
  return [() => mul(g, dy, slopeOfPower(back)), () => mul(g, dy, mul(g, y, log(g, x)))].slice(
    0,
    p.type === x.type ? 2 : 1,
  )
}

/** p·xᵖ⁻¹, by multiplication for the square and the cube, which are what exports raise to. */
function slopeOfPower({ g, inputs: [x, p] }: Backward) {
  const constant = g.tensorOf(p)
  const [exponent, ...others] = constant ? numbers(constant) : []
  if (exponent === undefined || others.length > 0) {
    const factor = cast(g, p, x.type)
    return mul(g, factor, g.op('Pow', [x, sub(g, factor, g.scalar(1))]))
  }
  if (exponent === 2) return scale(g, x, 2)
  if (exponent === 3) return scale(g, mul(g, x, x), 3)
  return scale(g, g.op('Pow', [x, g.scalar(exponent - 1)]), exponent)
}

/** y = max(x₁, …) or min: dy goes to the input that is y, in equal parts where several are. */
const extreme: Rule = ({ g, inputs, y, dy }) => {
  const hits = inputs.map((x) => cast(g, g.op('Equal', [x, y]), dy.type))
  const share = div(g, dy, total(g, hits))
  return hits.map((hit) => () => mul(g, share, hit))
}

/** y = min(max(x, low), high): dx = dy where x was left as it is */
const clip: Rule = ({ g, inputs: [x], y, dy }) => [() => mul(g, dy, cast(g, g.op('Equal', [x, y]), dy.type))]

/** y = a where c, else b: da = dy where c, db = dy where not c */
const choice: Rule = ({ g, inputs: [c], dy }) => {
  const zero = g.scalar(0)
  return [null, () => where(g, c, dy, zero), () => where(g, c, zero, dy)]
}

const back: Rule = ({ g, inputs: [x], dy }) => [() => cast(g, dy, x.type)]

export const elementwise: Rules = {
  Add: plus,
  Sum: plus,
  Sub: minus,
  Mul: times,
  Div: over,
  Relu: relu,
  Tanh: tanh,
  Sigmoid: sigmoidRule,
  Softplus: softplus,
  Erf: erf,
  Exp: exponential,
  Log: logarithm,
  Sqrt: root,
  Reciprocal: reciprocal,
  Neg: negative,
  Abs: absolute,
  Pow: power,
  Max: extreme,
  Min: extreme,
  Clip: clip,
  Where: choice,
  Cast: back,
  Identity: back,
}
