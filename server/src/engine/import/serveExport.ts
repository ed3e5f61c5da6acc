/** An export of others as the model.onnx of an artifact: all weights inside, one output `logits` [batch, labels]. */
import { Fault } from '../../domain/faults.ts'
import { tensor } from '../graph/tensor.ts'
import { decodeModel, type ReadExternal } from '../onnx/decode.ts'
import { encodeModel } from '../onnx/encode.ts'
import type { OnnxGraph, OnnxModel, OnnxNode } from '../onnx/model.ts'
import { type InputName, logitsOf, textInputs } from './readExport.ts'

export interface ServedExport {
  readonly bytes: Uint8Array
  readonly inputs: readonly InputName[]
  readonly precision: 'fp32' | 'int8'
}

export interface ServeExportOptions {
  /** As the model was trained: one logit each. */
  readonly labels: number
  /** [labels] which label of ours each of the model's labels goes to; null where they are the same. */
  readonly groups: readonly number[] | null
  readonly readExternal: ReadExternal
}

const OUTPUT = 'logits'

/** The very bytes of the export where nothing is to be changed. */
export function serveExport(bytes: Uint8Array, { labels, groups, readExternal }: ServeExportOptions): ServedExport {
  let hasOutside = false
  const model = decodeModel(bytes, {
    readExternal(location, offset, length) {
      hasOutside = true
      return readExternal(location, offset, length)
    },
  })
  const { graph } = model
  const inputs = textInputs(graph)
  const output = logitsOf(graph)
  const width = output.shape?.[1]
  if (output.type !== 'float32' || (typeof width === 'number' && width !== labels))
    throw new Fault('model_unsupported', {
      say: `The ONNX model gives ${output.type ?? 'something'} [batch, ${width ?? '?'}] where config.json promises a float32 logit for each of ${labels} labels; export it again.`,
    })
  const precision = isQuantised(graph) ? 'int8' : 'fp32'
  if (!hasOutside && groups === null && output.name === OUTPUT) return { bytes, inputs, precision }
  const named = groups === null ? renamed(graph, output.name) : grouped(graph, output.name, groups)
  return { bytes: encodeModel({ ...model, graph: named } satisfies OnnxModel), inputs, precision }
}

/** Weights of one byte each. */
function isQuantised({ initializers }: OnnxGraph): boolean {
  for (const { type, shape } of initializers.values())
    if ((type === 'int8' || type === 'uint8') && shape.length > 1) return true
  return false
}

/** The graph with its output called `logits`. What was called so, if anything was, gets another name. */
function renamed(graph: OnnxGraph, output: string): OnnxGraph {
  return output === OUTPUT
    ? graph
    : withNames(
        graph,
        new Map([
          [OUTPUT, unused(graph, OUTPUT)],
          [output, OUTPUT],
        ]),
      )
}

/**
 * Labels that are called the same here become one: its probability is the sum of theirs,
 *
 *   logits′ = ln(softmax(logits) · M)        [batch, labels] · [labels, ours],  M one-hot by group
 *
 * so that softmax(logits′) is that sum; a probability too small for float32 is −∞ there, and 0 again after the softmax.
 */
function grouped(graph: OnnxGraph, output: string, groups: readonly number[]): OnnxGraph {
  const ours = Math.max(...groups) + 1
  const [raw, probabilities, sums, matrix] = ['raw_logits', 'probabilities', 'grouped', 'groups'].map((name) =>
    unused(graph, name),
  )
  const inner = withNames(
    graph,
    new Map([
      [OUTPUT, unused(graph, OUTPUT)],
      [output, raw],
    ]),
  )
  const node = (op: string, inputs: string[], result: string, attributes: OnnxNode['attributes'] = {}): OnnxNode => ({
    name: '',
    op,
    domain: '',
    inputs,
    outputs: [result],
    attributes,
  })
  const oneHot = groups.flatMap((group) => Array.from({ length: ours }, (_, k) => (k === group ? 1 : 0)))
  return {
    ...inner,
    nodes: [
      ...inner.nodes,
      node('Softmax', [raw], probabilities, { axis: { kind: 'int', value: 1 } }),
      node('MatMul', [probabilities, matrix], sums),
      node('Log', [sums], OUTPUT),
    ],
    outputs: [{ name: OUTPUT, type: 'float32', shape: [inner.outputs[0]?.shape?.[0] ?? 'batch', ours] }],
    values: [],
    initializers: new Map([...inner.initializers, [matrix, tensor('float32', [groups.length, ours], oneHot)]]),
  }
}

/** A name that the graph does not use. */
function unused(graph: OnnxGraph, wish: string): string {
  const used = new Set([
    ...graph.nodes.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]),
    ...graph.initializers.keys(),
    ...graph.inputs.map(({ name }) => name),
  ])
  let name = wish
  for (let n = 1; used.has(name); n++) name = `${wish}_${n}`
  return name
}

/** The graph with values renamed, wherever they occur outside of inner graphs. */
function withNames(graph: OnnxGraph, names: ReadonlyMap<string, string>): OnnxGraph {
  const now = (name: string) => names.get(name) ?? name
  return {
    ...graph,
    nodes: graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(now), outputs: node.outputs.map(now) })),
    outputs: graph.outputs.map((value) => ({ ...value, name: now(value.name) })),
    values: graph.values.map((value) => ({ ...value, name: now(value.name) })),
    initializers: new Map([...graph.initializers].map(([name, one]) => [now(name), one])),
  }
}
