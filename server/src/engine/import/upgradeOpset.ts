/**
 * A model of an older operator set as one of today's: attributes that became inputs are moved, defaults that changed are said.
 *
 * Opset 20 brings `Gelu`, into which ONNX Runtime folds the five operators that exporters write. Only what changed between
 * opsets 11 and 20 for operators that text models use is here (onnx/onnx, docs/Changelog.md).
 */
import { Fault } from '../../domain/faults.ts'
import { tensor } from '../graph/tensor.ts'
import type { Attribute, Attributes, OnnxGraph, OnnxModel, OnnxNode, Tensor } from '../onnx/model.ts'

export const OPSET = 20
const OPSET_MIN = 11
/** Gelu and LayerNormalization ask for it (onnx/onnx, docs/Versioning.md). */
const IR_VERSION = 9

/** Reductions whose axes became an input with opset 18; ReduceSum's did so with 13. */
const REDUCTIONS = new Set([
  'ReduceMean',
  'ReduceMax',
  'ReduceMin',
  'ReduceProd',
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'ReduceSumSquare',
])

export function upgradeOpset(model: OnnxModel): OnnxModel {
  const from = model.opsets.get('') ?? 1
  if (from < OPSET_MIN)
    throw new Fault('model_unsupported', {
      say: `The model uses operator set ${from}; export it again with operator set ${OPSET_MIN} or newer.`,
    })
  if (from >= OPSET) return model
  const opsets = new Map(model.opsets).set('', OPSET)
  return { ...model, opsets, irVersion: Math.max(model.irVersion, IR_VERSION), graph: upgradeGraph(model.graph, from) }
}

function upgradeGraph(graph: OnnxGraph, from: number): OnnxGraph {
  const initializers = new Map(graph.initializers)
  const nodes = graph.nodes.map((node) => upgradeNode(node, from, (values) => addInts(initializers, values)))
  return { ...graph, nodes, initializers }
}

function addInts(initializers: Map<string, Tensor>, values: readonly number[]): string {
  const name = `ints ${values.join(' ')}`
  initializers.set(name, tensor('int64', [values.length], values))
  return name
}

function upgradeNode(node: OnnxNode, from: number, ints: (values: readonly number[]) => string): OnnxNode {
  if (node.domain !== '') return node
  const inner = withInnerGraphs(node, from)
  const { op } = inner
  if (from < 13 && (op === 'Softmax' || op === 'LogSoftmax' || op === 'Hardmax'))
    return inner.attributes['axis'] ? inner : withAttribute(inner, 'axis', { kind: 'int', value: 1 })
  if (from < 13 && (op === 'Squeeze' || op === 'Unsqueeze' || op === 'ReduceSum')) return moved(inner, 'axes', ints)
  if (from < 18 && op === 'Split') return split(from < 13 ? moved(inner, 'split', ints) : inner)
  if (from < 18 && REDUCTIONS.has(op)) return moved(inner, 'axes', ints)
  // Until opset 12 its ratio was an attribute; what is exported for inference drops nothing anyway.
  if (from < 12 && op === 'Dropout')
    return { ...inner, op: 'Identity', attributes: {}, outputs: inner.outputs.slice(0, 1) }
  return inner
}

/** Makes an attribute the second input. */
function moved(node: OnnxNode, name: string, ints: (values: readonly number[]) => string): OnnxNode {
  const { [name]: attribute, ...attributes } = node.attributes
  if (attribute?.kind !== 'ints') return node
  return { ...node, attributes, inputs: [node.inputs[0] ?? '', ints(attribute.value)] }
}

/** With neither sizes nor a number of parts, the parts are equal; since opset 18 their number must be said. */
function split(node: OnnxNode): OnnxNode {
  if (node.inputs[1]) return node
  return withAttribute(node, 'num_outputs', { kind: 'int', value: node.outputs.length })
}

function withAttribute(node: OnnxNode, name: string, attribute: Attribute): OnnxNode {
  return { ...node, attributes: { ...node.attributes, [name]: attribute } }
}

/** The branches of an `If` are graphs of the same opset. */
function withInnerGraphs(node: OnnxNode, from: number): OnnxNode {
  const entries = Object.entries(node.attributes)
  if (entries.every(([, attribute]) => attribute.kind !== 'graph')) return node
  const attributes: Attributes = Object.fromEntries(
    entries.map(([name, attribute]) => [
      name,
      attribute.kind === 'graph' ? { kind: 'graph', value: upgradeGraph(attribute.value, from) } : attribute,
    ]),
  )
  return { ...node, attributes }
}
