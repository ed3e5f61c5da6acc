import type { Value } from '../graph/ir.ts'
import { layerNorm } from '../graph/ops.ts'
import type { Build } from './build.ts'
import type { ParameterPlan } from './initialise.ts'

/** Layer normalisation over the last axis with a gain and a bias of its own. Ba, Kiros & Hinton 2016, eq. 4. */
export function normalise({ g, weight }: Build, x: Value, name: string, epsilon: number): Value {
  return layerNorm(g, x, weight(`${name}.weight`), weight(`${name}.bias`), epsilon)
}

export function layerNormPlan(name: string, width: number): ParameterPlan[] {
  return [
    { name: `${name}.weight`, shape: [width], initial: { kind: 'constant', value: 1 }, decays: false },
    { name: `${name}.bias`, shape: [width], initial: { kind: 'constant', value: 0 }, decays: false },
  ]
}
