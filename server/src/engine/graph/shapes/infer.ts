/** What an operator makes of its inputs: type and shape of each output, known when the graph is built. */
import assert from 'node:assert/strict'
import type { Attributes, ElementType, Tensor } from '../../onnx/model.ts'
import type { Shape, Value } from '../ir.ts'
import { elementwise } from './elementwise.ts'
import { layout } from './layout.ts'
import { products } from './products.ts'
import { reductions } from './reductions.ts'
import { selections } from './selections.ts'

export interface Typed {
  readonly type: ElementType
  readonly shape: Shape
}

/** One use of an operator. */
export interface Use {
  readonly op: string
  readonly inputs: readonly (Value | null)[]
  readonly attributes: Attributes
  /** How many outputs are asked for; null: as many as are usual. */
  readonly outputs: number | null
  readonly tensorOf: (value: Value) => Tensor | null
}

export type Rule = (use: Use) => readonly Typed[]

const RULES: ReadonlyMap<string, Rule> = new Map(
  [elementwise, products, reductions, layout, selections].flatMap((family) => Object.entries(family)),
)

export function infer(use: Use): readonly Typed[] {
  const rule = RULES.get(use.op)
  assert(rule, `${use.op} has no shape rule`)
  try {
    return rule(use)
  } catch (error) {
    // Every assertion of a rule is about these inputs, so they belong into its message.
    const shapes = use.inputs.map((value) => (value ? `${value.name} ${value.type}[${value.shape.join(', ')}]` : '–'))
    throw new TypeError(`${use.op}(${shapes.join('; ')}): ${(error as Error).message}`, { cause: error })
  }
}
