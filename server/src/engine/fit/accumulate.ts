/**
 * A step that adds its dense gradients to what lies in their buffers already: gradient = Add(new, before).
 *
 * Fed and fetched is the same buffer. The runtime's Add reads an element before it writes it, so summing over several
 * batches needs no second set of gradients (a test runs it for real).
 */
import type { Graph, Node, Value } from '../graph/ir.ts'
import type { Step } from './trainable.ts'

export interface AccumulatingStep extends Step {
  /** By output: the input that is fed the same buffer. */
  readonly before: ReadonlyMap<string, string>
}

export function accumulating(step: Step): AccumulatingStep {
  const dense = Object.values(step.gradients).flatMap((parts) =>
    parts.filter(({ kind }) => kind === 'dense').slice(0, 1),
  )
  const names = new Set(dense.map(({ output }) => output))
  const before = new Map<string, string>()
  const inputs: Value[] = []
  const nodes: Node[] = []
  const outputs = step.graph.outputs.map((value) => {
    if (!names.has(value.name)) return value
    const fed: Value = { ...value, name: `${value.name}.before` }
    const sum: Value = { ...value, name: `${value.name}.sum` }
    before.set(sum.name, fed.name)
    inputs.push(fed)
    nodes.push({ op: 'Add', domain: '', inputs: [value, fed], outputs: [sum], attributes: {} })
    return sum
  })
  const graph: Graph = {
    nodes: [...step.graph.nodes, ...nodes],
    inputs: [...step.graph.inputs, ...inputs],
    outputs,
    constants: step.graph.constants,
  }
  const gradients = Object.fromEntries(
    Object.entries(step.gradients).map(([name, parts]) => [
      name,
      parts.map((part) => (names.has(part.output) ? { ...part, output: `${part.output}.sum` } : part)),
    ]),
  )
  return { ...step, graph, gradients, before }
}
