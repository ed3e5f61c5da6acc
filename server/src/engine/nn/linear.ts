import type { Value } from '../graph/ir.ts'
import { gemm } from '../graph/ops.ts'
import type { Build } from './build.ts'
import { type Initial, type ParameterPlan } from './initialise.ts'

/** x·Wᵀ + b: [rows, inputs] → [rows, outputs], one Gemm. W is [outputs, inputs] as in torch.nn.Linear. */
export function linear({ g, weight }: Build, x: Value, name: string): Value {
  return gemm(g, x, weight(`${name}.weight`), weight(`${name}.bias`), { transB: true })
}

export function linearPlan(
  name: string,
  inputs: number,
  outputs: number,
  initial: Initial,
  bias: Initial = { kind: 'constant', value: 0 },
): ParameterPlan[] {
  return [
    { name: `${name}.weight`, shape: [outputs, inputs], initial, decays: true },
    { name: `${name}.bias`, shape: [outputs], initial: bias, decays: false },
  ]
}
