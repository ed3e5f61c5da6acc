/**
 * Values for parameters to start from. Every parameter has a stream of random numbers of its own, out of the seed and its
 * name, so that it starts the same whatever else the model has.
 */
import { hashText } from '../../math/hash.ts'
import { normal } from '../../math/normal.ts'
import { type Random, seededRandom } from '../../math/random.ts'
import type { ParameterSpec } from '../fit/trainable.ts'
import type { Shape } from '../graph/ir.ts'
import { sizeOf } from '../graph/tensor.ts'

/** How a parameter starts. */
export type Initial =
  | { readonly kind: 'constant'; readonly value: number }
  /** Normal with mean 0: 0.02 for the matrices of BERT (Devlin et al. 2018; `initializer_range` in transformers). */
  | { readonly kind: 'normal'; readonly deviation: number }
  /** Normal, drawn again beyond two deviations (`truncated_normal_initializer` of BERT's own code). */
  | { readonly kind: 'truncated-normal'; readonly deviation: number }
  /** U(−b, b). */
  | { readonly kind: 'uniform'; readonly bound: number }

/** b = 1/√n: torch.nn.Linear (n = inputs; kaiming_uniform_ with a = √5) and torch.nn.LSTM (n = units), biases included. */
export function inverseRoot(n: number): Initial {
  return { kind: 'uniform', bound: 1 / Math.sqrt(n) }
}

export interface ParameterPlan {
  readonly name: string
  readonly shape: Shape
  readonly initial: Initial
  readonly decays: boolean
}

/** Gives values that are known already, for instance from a checkpoint; null where a parameter has to start afresh. */
export type Known = (name: string, shape: Shape) => Float32Array | null

/**
 * The parameters with the values they start from. These are made on demand and not kept: a trainer
 * has its own place for them, and a second copy of all weights is memory that training lacks.
 */
export function initialise(
  plans: readonly ParameterPlan[],
  seed: number,
  known: Known = () => null,
  learns: (name: string) => boolean = () => true,
): ParameterSpec[] {
  return plans.map(({ name, shape, initial, decays }) => ({
    name,
    shape,
    get initial() {
      return known(name, shape) ?? fill(sizeOf(shape), initial, seededRandom(hashText(`${seed} ${name}`)))
    },
    decays,
    learns: learns(name),
  }))
}

export function fill(size: number, initial: Initial, random: Random): Float32Array {
  const values = new Float32Array(size)
  switch (initial.kind) {
    case 'constant':
      return values.fill(initial.value)
    case 'uniform':
      return values.map(() => (2 * random() - 1) * initial.bound)
    case 'normal':
      return values.map(() => normal(random) * initial.deviation)
    case 'truncated-normal':
      return values.map(() => {
        let x = normal(random)
        while (Math.abs(x) > 2) x = normal(random)
        return x * initial.deviation
      })
    default:
      return initial satisfies never
  }
}
