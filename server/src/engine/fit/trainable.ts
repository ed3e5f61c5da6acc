/** What the trainer needs to know of a model: its parameters, and for each shape a graph of the loss and the gradients. */
import type { Graph, Shape } from '../graph/ir.ts'

export interface ParameterSpec {
  readonly name: string
  readonly shape: Shape
  /** [elements] the values to start from, in row-major order. */
  readonly initial: Float32Array
  /** Whether weight decay pulls at it: matrices yes; biases and layer norms no (Devlin et al. 2018, BERT). */
  readonly decays: boolean
  /** False for a parameter that is fed but kept as it is. */
  readonly learns: boolean
}

/** Where a part of the gradient of a parameter comes out of a step's graph. */
export type GradientOutput =
  /** The whole gradient, in the parameter's shape. */
  | { readonly kind: 'dense'; readonly output: string }
  /** An embedding's gradient: [ids, width] rows, to be added to the table's rows that the int64 feed names (flattened, in order). */
  | { readonly kind: 'rows'; readonly output: string; readonly ids: string }

/** One graph at one shape. Its inputs are the parameters, by their names, and the feeds. */
export interface Step {
  readonly graph: Graph
  /** Scalar float32: the mean loss over the rows of the batch (weighted, where rows have weights). */
  readonly loss: string
  /** By parameter name; the gradient is the sum of the outputs. Empty for an evaluation step. */
  readonly gradients: Readonly<Record<string, readonly GradientOutput[]>>
  /** Dropout: masks that the trainer fills anew before each run. Each holds 0 or 1/keep. */
  readonly masks: readonly { readonly feed: string; readonly shape: Shape; readonly keep: number }[]
}

/** Rows × length (tokens, time steps) of one batch after padding. */
export interface Bucket {
  readonly rows: number
  readonly length: number
}

export interface Trainable {
  readonly parameters: readonly ParameterSpec[]
  /** The graph that learns at this shape; called once a bucket. An imported model's is folded by ONNX Runtime, which answers later. */
  step(bucket: Bucket): Step | Promise<Step>
  /** The same without gradients and dropout, with the logits [rows, labels] as the output `logits`. */
  evaluationStep(bucket: Bucket): Step | Promise<Step>
}
