/**
 * The graph that integrated gradients are made of: a classifier that reads its word embeddings off a straight path
 *
 *   e(α) = x₀ + α·(x − x₀)      x the embeddings of the text's tokens, x₀ those of the baseline's, [length, width]
 *
 * and says how each token's step along it changes a contrast c of the logits:
 *
 *   attribution[row, token] = Σ_width (x − x₀) ∘ ∂(c·logits)/∂e(α)
 *
 * Rows are points of the path: each has an α and a c of its own, all have the same text.
 */
import assert from 'node:assert/strict'
import { Fault } from '../../domain/faults.ts'
import { differentiate } from '../autodiff/differentiate.ts'
import type { Bucket } from '../fit/trainable.ts'
import { GraphBuilder } from '../graph/builder.ts'
import type { Graph, Shape, Value } from '../graph/ir.ts'
import { add, gather, mul, reshape, sub, sum } from '../graph/ops.ts'
import { foldExport } from '../import/foldExport.ts'
import type { Exported } from '../import/readExport.ts'
import { simplify } from '../import/simplify.ts'
import { toGraph } from '../import/toGraph.ts'
import type { OnnxGraph, OnnxNode } from '../onnx/model.ts'

/** What a run is fed beside the weights. */
export const feeds = {
  /** int64 [rows, length]: what the model reads, for its positions and padding. */
  ids: 'input_ids',
  mask: 'attention_mask',
  /** int64 [length]: the ids whose embeddings the path leads to, and where it begins. */
  text: 'path_text',
  baseline: 'path_baseline',
  /** float32 [rows, 1, 1] */
  alpha: 'path_alpha',
  /** float32 [rows, labels] */
  contrast: 'path_contrast',
} as const

export interface PathGraph {
  /** Inputs: the weights by their names, and the feeds. Outputs: `attributions` [rows, length], `logits` [rows, labels]. */
  readonly graph: Graph
  readonly labels: number
}

export async function pathGraph(exported: Exported, bucket: Bucket): Promise<PathGraph> {
  const { rows, length } = bucket
  const { weights, inputs, output } = exported
  const folded = await foldExport(exported, bucket)
  const graph = simplify(folded, new Map<string, Shape>(weights.map(({ name, tensor }) => [name, tensor.shape])))
  const g = new GraphBuilder()
  const values = new Map<string, Value>(
    weights.map(({ name, tensor }) => [name, g.input(name, 'float32', tensor.shape)]),
  )
  for (const name of inputs) if (name !== 'token_type_ids') values.set(name, g.input(name, 'int64', [rows, length]))
  const path = pathInputs(g, bucket)
  const lookups = lookupsOf(graph, values)
  const steps = lookups.map(({ table, made }) => {
    const typed = folded.types.get(made)
    assert(typed, `the runtime did not say what ${made} is`)
    const { along, direction } = alongPath(g, table, path, bucket)
    values.set(made, reshape(g, along, typed.shape))
    return { along, direction }
  })
  const rest = { ...graph, nodes: graph.nodes.filter((node) => !lookups.some((each) => each.node === node)) }
  const logits = toGraph(g, rest, values, folded.types).get(output)
  assert(logits, `nothing makes ${output}`)
  const labels = logits.shape[1]
  const contrast = g.input(feeds.contrast, 'float32', [rows, labels])
  const gradients = differentiate(
    g,
    sum(g, mul(g, contrast, logits)),
    steps.map(({ along }) => along),
  )
  let attributions: Value | null = null
  for (const { along, direction } of steps) {
    const gradient = gradients.get(along)
    if (gradient === undefined) continue
    const part = sum(g, mul(g, gradient, direction), [2])
    attributions = attributions === null ? part : add(g, attributions, part)
  }
  assert(attributions, 'the logits do not depend on the words')
  g.output(attributions, 'attributions')
  g.output(logits, 'logits')
  return { graph: g.finish(), labels }
}

interface PathInputs {
  readonly text: Value
  readonly baseline: Value
  readonly alpha: Value
}

function pathInputs(g: GraphBuilder, { rows, length }: Bucket): PathInputs {
  return {
    text: g.input(feeds.text, 'int64', [length]),
    baseline: g.input(feeds.baseline, 'int64', [length]),
    alpha: g.input(feeds.alpha, 'float32', [rows, 1, 1]),
  }
}

/** e(α) as [rows, length, width], and x − x₀ as [length, width]. */
function alongPath(g: GraphBuilder, table: Value, { text, baseline, alpha }: PathInputs, { length }: Bucket) {
  const from = gather(g, table, baseline)
  const direction = sub(g, gather(g, table, text), from)
  const wide = reshape(g, direction, [1, length, direction.shape[1]])
  return { along: add(g, mul(g, alpha, wide), reshape(g, from, [1, length, from.shape[1]])), direction: wide }
}

interface Lookup {
  readonly node: OnnxNode
  readonly table: Value
  /** The value that it makes. */
  readonly made: string
}

/** Operators that pass the ids on as they are. */
const PASSING = new Set(['Reshape', 'Cast', 'Identity', 'Squeeze', 'Unsqueeze', 'Flatten'])

/** Where the ids of the text become rows of a table; positions, which follow from padding, are something else. */
function lookupsOf(graph: OnnxGraph, values: ReadonlyMap<string, Value>): Lookup[] {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const areIds = (name: string): boolean => {
    if (name === feeds.ids) return true
    const maker = makers.get(name)
    return maker !== undefined && PASSING.has(maker.op) && areIds(maker.inputs[0])
  }
  const found = graph.nodes.flatMap((node): Lookup[] => {
    const table = values.get(node.inputs[0])
    const isLookup = node.op === 'Gather' && table?.type === 'float32' && table.shape.length === 2
    return isLookup && areIds(node.inputs[1]) ? [{ node, table, made: node.outputs[0] }] : []
  })
  if (found.length === 0)
    throw new Fault('explain_unsupported', {
      say: 'The model does not look its words up in a table, so there are no gradients of words; ask for occlusion.',
    })
  return found
}
