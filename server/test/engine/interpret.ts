/** Runs a graph in float64, slowly: the oracle of the gradients, which float32 is too coarse to difference. */
import assert from 'node:assert/strict'
import type { Graph, Value } from '../../src/engine/graph/ir.ts'
import { numbers } from '../../src/engine/graph/tensor.ts'
import type { Numbers } from './arrays.ts'
import { kernels } from './kernels.ts'

/**
 * @param feeds by input name
 * @returns     every value of the graph
 */
export function interpret(
  graph: Graph,
  feeds: Readonly<Record<string, ArrayLike<number>>>,
): ReadonlyMap<Value, Numbers> {
  const values = new Map<Value, Numbers>()
  for (const input of graph.inputs)
    values.set(input, { shape: input.shape, values: Float64Array.from(feeds[input.name]) })
  for (const [value, tensor] of graph.constants) {
    values.set(value, { shape: value.shape, values: Float64Array.from(numbers(tensor)) })
  }
  for (const { op, inputs, outputs, attributes } of graph.nodes) {
    const kernel = kernels[op]
    assert(kernel, `the interpreter does not know ${op}`)
    // A kernel with optional inputs looks whether they are there.
    const given = inputs.map((input) => (input ? values.get(input) : undefined)) as Numbers[]
    const made = kernel(given, attributes, outputs.length)
    outputs.forEach((output, i) => {
      if (!output) return
      assert.deepEqual(made[i].shape, output.shape, `${op} makes another shape than was inferred`)
      values.set(output, made[i])
    })
  }
  return values
}

/** The outputs of a graph, by name. */
export function outputsOf(graph: Graph, feeds: Readonly<Record<string, ArrayLike<number>>>): Record<string, Numbers> {
  const values = interpret(graph, feeds)
  return Object.fromEntries(graph.outputs.map((output) => [output.name, values.get(output) as Numbers]))
}
