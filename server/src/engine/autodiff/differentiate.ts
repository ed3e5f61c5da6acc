/**
 * Reverse-mode differentiation: appends the nodes of the gradient to the graph of a loss.
 *
 * Going back from the loss, each value v collects what its readers say of ∂loss/∂v, and passes the sum on through the
 * node that made it. One rule an operator (vjp/) says how; the chain rule is the walk. Linnainmaa 1970; Griewank & Walther
 * 2008, §3.2.
 */
import assert from 'node:assert/strict'
import type { GraphBuilder } from '../graph/builder.ts'
import type { Node, Value } from '../graph/ir.ts'
import { total } from '../graph/ops.ts'
import { sizeOf } from '../graph/tensor.ts'
import type { Rule } from './rule.ts'
import { sumTo } from './sums.ts'
import { elementwise } from './vjp/elementwise.ts'
import { gelu } from './vjp/gelu.ts'
import { layout } from './vjp/layout.ts'
import { normalization } from './vjp/normalization.ts'
import { products } from './vjp/products.ts'
import { reductions } from './vjp/reductions.ts'
import { selections } from './vjp/selections.ts'

const RULES: ReadonlyMap<string, Rule> = new Map(
  [elementwise, gelu, layout, normalization, products, reductions, selections].flatMap((family) =>
    Object.entries(family),
  ),
)

/**
 * @param loss a float value of one element
 * @param wrt  inputs, or values on the way: the rows that a Gather took out of a table have a gradient of their own, which is
 *             small where the table's is large
 * @returns    by value, ∂loss/∂value in its shape; a value that the loss does not depend on is absent
 */
export function differentiate(g: GraphBuilder, loss: Value, wrt: readonly Value[]): Map<Value, Value> {
  assert(isFloat(loss) && sizeOf(loss.shape) === 1, 'only a single float number is differentiated')
  const forward = [...g.nodes]
  const depends = dependents(forward, wrt)
  const readers = readersOf(forward)

  const terms = new Map<Value, Value[]>([[loss, [g.filled(loss.shape, 1, 'float32')]]])
  const gradients = new Map<Value, Value>()
  const gradientOf = (value: Value): Value | null => {
    const known = gradients.get(value)
    const parts = terms.get(value)
    if (known || !parts) return known ?? null
    const gradient = total(g, parts)
    gradients.set(value, gradient)
    return gradient
  }

  const pass = (input: Value | null, product: () => Value): void => {
    if (!input || !depends.has(input)) return
    push(terms, input, sumTo(g, product(), input.shape))
  }
  for (const node of forward.toReversed()) {
    const flows = node.inputs.some((input) => input && depends.has(input))
    if (!flows || !node.outputs.some((output) => output && terms.has(output))) continue
    const dys = node.outputs.map((output) => output && gradientOf(output))
    assert(dys[0] || node.op === 'Split', `only the first output of ${node.op} has a gradient here`)
    const [y, dy] = [node.outputs[0] as Value, dys[0] as Value] // Split's rule looks at dys instead
    const region = g.regionOf(y)
    if (region) {
      const products = region.gradient(dy)
      region.inputs.forEach((input, i) => pass(input, () => products[i]))
      continue
    }
    const inputs = node.inputs as readonly Value[] // rules of operators with optional inputs know it
    const back = { g, node, inputs, y, dy, dys, readers: (value: Value) => readers.get(value) ?? [], gradientOf }
    const products = ruleOf(node)(back)
    node.inputs.forEach((input, i) => pass(input, products[i] ?? (() => none(node, i))))
  }
  return new Map(
    wrt.flatMap((value) => [[value, gradientOf(value)]]).filter((pair): pair is [Value, Value] => pair[1] !== null),
  )
}

/** The values that a gradient has to go through: floats that something in `wrt` flows into, and `wrt` itself. */
function dependents(nodes: readonly Node[], wrt: readonly Value[]): ReadonlySet<Value> {
  const depends = new Set(wrt)
  for (const { inputs, outputs } of nodes) {
    if (!inputs.some((input) => input && depends.has(input))) continue
    for (const output of outputs) if (output && isFloat(output)) depends.add(output)
  }
  return depends
}

function readersOf(nodes: readonly Node[]): ReadonlyMap<Value, readonly Node[]> {
  const readers = new Map<Value, Node[]>()
  for (const node of nodes) {
    for (const input of new Set(node.inputs)) if (input) push(readers, input, node)
  }
  return readers
}

function push<T>(lists: Map<Value, T[]>, key: Value, item: T): void {
  const list = lists.get(key)
  if (list) list.push(item)
  else lists.set(key, [item])
}

function ruleOf({ op, outputs }: Node): Rule {
  const rule = RULES.get(op)
  if (!rule) throw new TypeError(`${op}, which makes ${outputs[0]?.name}, has no gradient here`)
  return rule
}

function none({ op, inputs }: Node, i: number): never {
  throw new TypeError(`${op} has no gradient here for its input ${i}, ${inputs[i]?.name}`)
}

function isFloat({ type }: Value): boolean {
  return type === 'float32' || type === 'float64'
}
