/** The nodes of an ONNX graph of fixed shapes, appended to a builder. */
import assert from 'node:assert/strict'
import type { PlainAttributes } from '../graph/attributes.ts'
import type { GraphBuilder } from '../graph/builder.ts'
import type { Node, Value } from '../graph/ir.ts'
import type { Typed } from '../graph/shapes/infer.ts'
import type { Attributes, OnnxGraph, OnnxNode } from '../onnx/model.ts'

/**
 * @param given values for the inputs of the graph, by name
 * @param types of the values that the runtime knows; those that rewriting added are inferred
 * @returns every value by the name that the ONNX graph has for it
 */
export function toGraph(
  g: GraphBuilder,
  graph: OnnxGraph,
  given: ReadonlyMap<string, Value>,
  types: ReadonlyMap<string, Typed>,
): ReadonlyMap<string, Value> {
  const values = new Map(given)
  for (const [name, tensor] of graph.initializers) values.set(name, g.initializer(tensor))
  const valueOf = (name: string): Value | null => {
    if (name === '') return null
    const value = values.get(name)
    assert(value, `nothing makes “${name}”`)
    return value
  }
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(valueOf)
    const [copied] = inputs
    // An Identity would cost a copy: its result is another name of the same value.
    const made = node.op === 'Identity' && copied ? [copied] : append(g, node, inputs, types)
    for (const [i, name] of node.outputs.entries()) {
      const value = made[i]
      if (name !== '' && value) values.set(name, value)
    }
  }
  return values
}

function append(g: GraphBuilder, node: OnnxNode, inputs: readonly (Value | null)[], types: ReadonlyMap<string, Typed>) {
  const known = node.outputs.map((name) => types.get(name)).filter((typed) => typed !== undefined)
  const isKnown = known.length === node.outputs.length
  return g.node(node.op, inputs, plain(node.attributes), {
    domain: domainOf(node),
    outputs: node.outputs.length,
    ...(isKnown && { known }),
  })
}

function domainOf({ op, domain }: OnnxNode): Node['domain'] {
  assert(domain === '' || domain === 'com.microsoft', `${op} is of the foreign domain ${domain}`)
  return domain
}

function plain(attributes: Attributes): PlainAttributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, attribute]) => {
      assert(attribute.kind !== 'graph', `the attribute “${name}” is a graph of its own`)
      return [name, attribute.value]
    }),
  )
}
