import type { GraphBuilder } from '../graph/builder.ts'
import type { Node, Value } from '../graph/ir.ts'

/** A node on the way back: what went through it, and what the loss wants of its output. */
export interface Backward {
  readonly g: GraphBuilder
  readonly node: Node
  /** Of the operators without optional inputs; look at `node.inputs` where one may be left out. */
  readonly inputs: readonly Value[]
  /** The first output. */
  readonly y: Value
  /** ∂loss/∂y, in the shape of y. */
  readonly dy: Value
  /** The same for every output; null where the loss does not depend on it. */
  readonly dys: readonly (Value | null)[]
  /** The nodes before the gradient's that read a value. */
  readonly readers: (value: Value) => readonly Node[]
  /** ∂loss/∂value where it is complete: the value was made later than this node's inputs. */
  readonly gradientOf: (value: Value) => Value | null
}

/**
 * The vector-Jacobian product of an operator: for each input, how to make ∂loss/∂input of ∂loss/∂y; null where an input has
 * none (indices, conditions). Only what is needed is called. A product may keep the shape that the inputs broadcast to: the
 * caller sums it down to the input's.
 */
export type Rule = (back: Backward) => readonly ((() => Value) | null)[]

export type Rules = Readonly<Record<string, Rule>>
