/**
 * An exported classifier as what can be learnt from: its weights apart from its graph, and the graph in today's operators.
 *
 * Exporters keep equal tensors once (all fresh layer norms share their ones) and write `Identity(initializer)` for the
 * others. Here each becomes a parameter of its own again, for training pulls them apart.
 */
import { Fault } from '../../domain/faults.ts'
import { sizeOf } from '../graph/tensor.ts'
import { decodeModel } from '../onnx/decode.ts'
import type { OnnxGraph, OnnxModel, OnnxNode, Tensor, ValueInfo } from '../onnx/model.ts'
import { leaveWeights } from './leaveWeights.ts'
import { upgradeOpset } from './upgradeOpset.ts'

/** What a text classifier may be fed, each int64 [batch, tokens]. */
export const INPUTS = ['input_ids', 'attention_mask', 'token_type_ids'] as const
export type InputName = (typeof INPUTS)[number]

/** A weight of an export. */
export interface ExportWeight {
  /** As the graph calls it. */
  readonly name: string
  readonly tensor: Tensor
  /** The initializer of the file that holds it; another name than its own where several weights share one. */
  readonly initializer: string
}

export interface Exported {
  /** Without the weights: they are missing inputs of the graph. */
  readonly model: OnnxModel
  readonly weights: readonly ExportWeight[]
  readonly inputs: readonly InputName[]
  /** What the file calls its logits. */
  readonly output: string
}

/** Why a graph that can be served cannot be fine-tuned; null where it can. `remedy` goes on after “: ”. */
export interface Obstacle {
  readonly why: string
  readonly remedy: string
}

const FUSED_REMEDY = 'fine-tune the plain float32 export (model.onnx), and optimise afterwards'
const QUANTISED_REMEDY = 'fine-tune the float32 export (model.onnx), then make it small with `barometer quantize`'
const HALF_REMEDY = 'fine-tune the float32 export (model.onnx)'

const QUANTISED =
  /^(Q(Linear|Attention|Gemm|EmbedLayer|Ordered)|DynamicQuantize|DequantizeLinear|QuantizeLinear|MatMulInteger|MatMulNBits|ConvInteger|DynamicQuantizeMatMul|GatherBlockQuantized)/

/** Fused operators that models of our own are written in, and that have gradients. */
const DIFFERENTIABLE = new Set(['FusedMatMul'])

/** @param path of the file with these bytes, where the weights may be left in it */
export function readExport(bytes: Uint8Array, path: string | null = null): Exported {
  const decoded = decodeModel(bytes)
  const model = path === null ? decoded : leaveWeights(decoded, bytes, path)
  const obstacle = obstacleOf(model)
  if (obstacle)
    throw new Fault('model_unsupported', {
      say: `The ONNX model can be served but not fine-tuned: ${obstacle.why}; ${obstacle.remedy}.`,
    })
  const { graph } = model
  const inputs = textInputs(graph)
  const output = logitsOf(graph)
  const { nodes, weights, rest } = separate(graph)
  const bare: OnnxModel = {
    ...model,
    // What the exporter noted of the values would be of other shapes than those that are asked for.
    graph: {
      ...graph,
      nodes,
      initializers: rest,
      inputs: graph.inputs.filter(({ name }) => !graph.initializers.has(name)),
      values: [],
    },
  }
  return { model: upgradeOpset(bare), weights, inputs, output: output.name }
}

/** The first thing in a graph that cannot be differentiated or learnt. */
export function obstacleOf({ graph }: OnnxModel): Obstacle | null {
  for (const { op, domain } of graph.nodes) {
    if (QUANTISED.test(op)) return { why: `it is quantised (${op})`, remedy: QUANTISED_REMEDY }
    if (domain !== '' && !DIFFERENTIABLE.has(op))
      return { why: `it is optimised for inference (${op} of ${domain})`, remedy: FUSED_REMEDY }
  }
  for (const [name, { type, shape }] of graph.initializers) {
    if (type === 'float16' || type === 'bfloat16')
      return { why: `its weights are ${type} (“${name}”)`, remedy: HALF_REMEDY }
    if ((type === 'int8' || type === 'uint8') && shape.length > 1)
      return { why: `its weights are ${type} (“${name}”)`, remedy: QUANTISED_REMEDY }
  }
  return null
}

/** The inputs of a text classifier, in the order of the graph. */
export function textInputs(graph: OnnxGraph): readonly InputName[] {
  const fed = graph.inputs.filter(({ name }) => !graph.initializers.has(name))
  return fed.map(({ name, type }) => {
    const known = INPUTS.find((input) => input === name)
    if (known === undefined || type !== 'int64')
      throw new Fault('model_unsupported', {
        say: `The ONNX model asks for an input “${name}” (${type ?? 'of no type'}), which a text classifier does not have; export it with int64 ${INPUTS.join(', ')} only.`,
      })
    return known
  })
}

/** The output of a classifier: [batch, labels]. */
export function logitsOf(graph: OnnxGraph): ValueInfo {
  const output = graph.outputs.find(({ name }) => name === 'logits') ?? graph.outputs[0]
  if (output === undefined || (output.shape !== null && output.shape.length !== 2))
    throw new Fault('model_unsupported', {
      say: 'The ONNX model has no logits of the form [batch, labels]; export it as a text classifier (task text-classification).',
    })
  return output
}

/** Takes the weights out of a graph, and undoes the sharing of equal ones. */
function separate(graph: OnnxGraph) {
  const weights: ExportWeight[] = []
  const rest = new Map<string, Tensor>()
  for (const [name, tensor] of graph.initializers) {
    if (isWeight(tensor)) weights.push({ name, tensor, initializer: name })
    else rest.set(name, tensor)
  }
  const shared = new Map(weights.map((weight) => [weight.name, weight]))
  const results = new Set(graph.outputs.map(({ name }) => name))
  const nodes = graph.nodes.filter((node) => {
    const weight = copied(node, shared)
    const [name] = node.outputs
    if (weight === undefined || name === undefined || results.has(name)) return true
    weights.push({ ...weight, name })
    return false
  })
  const used = new Set(nodes.flatMap((node) => node.inputs))
  return { nodes, weights: weights.filter(({ name }) => used.has(name)), rest }
}

/** Numbers that are learnt: a scalar or a single number is a constant of a formula (√2, ε, the scale of attention). */
function isWeight({ type, shape }: Tensor): boolean {
  return type === 'float32' && shape.length >= 1 && sizeOf(shape) > 1
}

function copied(node: OnnxNode, weights: ReadonlyMap<string, ExportWeight>): ExportWeight | undefined {
  return node.op === 'Identity' && node.domain === '' ? weights.get(node.inputs[0] ?? '') : undefined
}
