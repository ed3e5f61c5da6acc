/** A graph as an ONNX model, ready to be encoded and run. */
import type { OnnxModel, OnnxNode, ValueInfo } from '../onnx/model.ts'
import type { Graph, Node, Value } from './ir.ts'

/** Gelu comes with opset 20, which asks for IR version 9 (onnx/onnx, docs/Versioning.md). */
const OPSETS = new Map([
  ['', 20],
  ['com.microsoft', 1],
])
const IR_VERSION = 9

export function toOnnx(graph: Graph, name = 'barometer'): OnnxModel {
  return {
    irVersion: IR_VERSION,
    opsets: OPSETS,
    producer: 'barometer',
    metadata: new Map(),
    graph: {
      name,
      nodes: graph.nodes.map(nodeOf),
      inputs: graph.inputs.map(info),
      outputs: graph.outputs.map(info),
      values: [],
      initializers: new Map(Array.from(graph.constants, ([value, tensor]) => [value.name, tensor])),
    },
  }
}

function nodeOf({ op, domain, inputs, outputs, attributes }: Node): OnnxNode {
  const names = outputs.map((value) => value?.name ?? '')
  return {
    name: names.find((name) => name !== '') ?? '',
    op,
    domain,
    inputs: inputs.map(nameOf),
    outputs: names,
    attributes,
  }
}

const nameOf = (value: Value | null): string => value?.name ?? ''

const info = ({ name, type, shape }: Value): ValueInfo => ({ name, type, shape })
