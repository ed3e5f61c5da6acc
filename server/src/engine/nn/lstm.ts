/** The reference anomaly detector: LSTM layers, a hidden linear layer, one logit. */
import type { Trainable } from '../fit/trainable.ts'
import { relu, reshape, split, transpose } from '../graph/ops.ts'
import type { Build } from './build.ts'
import { initialise, inverseRoot, type Known, type ParameterPlan } from './initialise.ts'
import { linear, linearPlan } from './linear.ts'
import { binaryCrossEntropy, weightedMean } from './losses.ts'
import { recurrent, recurrentPlan } from './recurrent.ts'
import { evaluationStep, type Result, trainingStep } from './steps.ts'

export interface LstmConfig {
  readonly features: number
  readonly units: number
  readonly layers: number
  /** Of the linear layer after the last step. */
  readonly hidden: number
  /** Of the last step's state, before the linear layers. */
  readonly dropout: number
}

export const lstmNames = { recurrent: 'lstm', hidden: 'hidden', output: 'output' } as const

/**
 * Feeds of a step: `window` float32 [rows, length, features], `targets` float32 [rows, 1] (1: anomaly), `row_weights`
 * float32 [rows]. The logits of an evaluation are [rows, 1].
 */
export function lstmClassifier(
  config: LstmConfig,
  options: { readonly seed: number; readonly known?: Known },
): Trainable {
  const parameters = initialise(lstmPlan(config), options.seed, options.known)
  const body =
    (rows: number, length: number) =>
    (build: Build): Result => {
      const { g } = build
      const { features } = config
      const window = g.input('window', 'float32', [rows, length, features])
      const byTime = reshape(g, transpose(g, window, [1, 0, 2]), [length * rows, features])
      const steps = split(g, byTime, Array<number>(length).fill(rows), 0)
      const last = recurrent(build, steps, lstmNames.recurrent, config.layers)
      const hidden = relu(g, linear(build, build.dropout(last, config.dropout, 'state'), lstmNames.hidden))
      const logits = linear(build, hidden, lstmNames.output)
      const each = binaryCrossEntropy(g, logits, g.input('targets', 'float32', [rows, 1]))
      return { logits, loss: weightedMean(g, each, g.input('row_weights', 'float32', [rows])) }
    }
  return {
    parameters,
    step: ({ rows, length }) => trainingStep(parameters, body(rows, length)),
    evaluationStep: ({ rows, length }) => evaluationStep(parameters, body(rows, length)),
  }
}

/** As PyTorch starts them: U(±1/√units) in the LSTM, U(±1/√inputs) in the linear layers. */
function lstmPlan({ features, units, layers, hidden }: LstmConfig): ParameterPlan[] {
  const recurrents = Array.from({ length: layers }, (_, layer) =>
    recurrentPlan(lstmNames.recurrent, layer, layer === 0 ? features : units, units),
  )
  const plain = (name: string, inputs: number, outputs: number) =>
    linearPlan(name, inputs, outputs, inverseRoot(inputs), inverseRoot(inputs))
  return [...recurrents.flat(), ...plain(lstmNames.hidden, units, hidden), ...plain(lstmNames.output, hidden, 1)]
}
