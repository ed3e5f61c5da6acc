/**
 * The computation graph: ONNX operators over values whose element type and shape are known when the graph is built.
 *
 * A graph is append-only while it is built (builder.ts): differentiating it appends the gradients to the same graph.
 * There are no symbolic dimensions here: one graph is made for each shape that is trained, over the same parameters.
 */
import type { Attributes, ElementType, Tensor } from '../onnx/model.ts'

export type Shape = readonly number[]

/** What a node makes or a graph is given: a name with its type and shape. Values are compared by identity. */
export interface Value {
  readonly name: string
  readonly type: ElementType
  readonly shape: Shape
}

export interface Node {
  readonly op: string
  /** '' is ai.onnx; 'com.microsoft' holds the fused operators of ONNX Runtime. */
  readonly domain: '' | 'com.microsoft'
  /** null: an optional input that is left out. */
  readonly inputs: readonly (Value | null)[]
  readonly outputs: readonly (Value | null)[]
  readonly attributes: Attributes
}

export interface Graph {
  /** In the order of execution. */
  readonly nodes: readonly Node[]
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
  readonly constants: ReadonlyMap<Value, Tensor>
}
