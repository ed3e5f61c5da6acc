/** An ONNX model as the bytes of a file. */
import {
  ATTRIBUTE,
  attributeNumbers,
  DIMENSION,
  ENTRY,
  elementNumbers,
  GRAPH,
  MODEL,
  NODE,
  OPSET,
  SHAPE,
  TENSOR,
  TENSOR_TYPE,
  TYPE,
  VALUE_INFO,
} from './fields.ts'
import type { Attribute, OnnxGraph, OnnxModel, OnnxNode, Tensor, ValueInfo } from './model.ts'
import { MessageWriter } from './protobuf.ts'

/**
 * The model in one piece, weights included. The same model gives the same bytes.
 *
 * Weights are copied once, into the result; beyond 2 GiB protobuf itself ends, and readers refuse.
 */
export function encodeModel(model: OnnxModel): Uint8Array {
  const writer = new MessageWriter()
  writer.integer(MODEL.irVersion, model.irVersion)
  if (model.producer !== '') writer.text(MODEL.producer, model.producer)
  writer.message(MODEL.graph, (inner) => writeGraph(inner, model.graph))
  for (const [domain, version] of model.opsets)
    writer.message(MODEL.opset, (inner) => {
      inner.text(OPSET.domain, domain)
      inner.integer(OPSET.version, version)
    })
  for (const [key, value] of model.metadata)
    writer.message(MODEL.metadata, (inner) => {
      inner.text(ENTRY.key, key)
      inner.text(ENTRY.value, value)
    })
  return writer.finish()
}

function writeGraph(writer: MessageWriter, graph: OnnxGraph): void {
  for (const node of graph.nodes) writer.message(GRAPH.node, (inner) => writeNode(inner, node))
  writer.text(GRAPH.name, graph.name)
  for (const [name, tensor] of graph.initializers)
    writer.message(GRAPH.initializer, (inner) => writeTensor(inner, tensor, name))
  for (const value of graph.inputs) writer.message(GRAPH.input, (inner) => writeValueInfo(inner, value))
  for (const value of graph.outputs) writer.message(GRAPH.output, (inner) => writeValueInfo(inner, value))
  for (const value of graph.values) writer.message(GRAPH.value, (inner) => writeValueInfo(inner, value))
}

function writeNode(writer: MessageWriter, node: OnnxNode): void {
  for (const name of node.inputs) writer.text(NODE.input, name)
  for (const name of node.outputs) writer.text(NODE.output, name)
  if (node.name !== '') writer.text(NODE.name, node.name)
  writer.text(NODE.op, node.op)
  for (const [name, attribute] of Object.entries(node.attributes))
    writer.message(NODE.attribute, (inner) => writeAttribute(inner, name, attribute))
  if (node.domain !== '') writer.text(NODE.domain, node.domain)
}

function writeAttribute(writer: MessageWriter, name: string, attribute: Attribute): void {
  writer.text(ATTRIBUTE.name, name)
  switch (attribute.kind) {
    case 'float':
      writer.float(ATTRIBUTE.float, attribute.value)
      break
    case 'int':
      writer.integer(ATTRIBUTE.int, attribute.value)
      break
    case 'string':
      writer.text(ATTRIBUTE.string, attribute.value)
      break
    case 'tensor':
      writer.message(ATTRIBUTE.tensor, (inner) => writeTensor(inner, attribute.value, ''))
      break
    case 'graph':
      writer.message(ATTRIBUTE.graph, (inner) => writeGraph(inner, attribute.value))
      break
    case 'floats':
      writer.packedFloats(ATTRIBUTE.floats, attribute.value)
      break
    case 'ints':
      writer.packedIntegers(ATTRIBUTE.ints, attribute.value)
      break
    case 'strings':
      for (const value of attribute.value) writer.text(ATTRIBUTE.strings, value)
      break
    default:
      attribute satisfies never
  }
  writer.integer(ATTRIBUTE.type, attributeNumbers[attribute.kind])
}

function writeTensor(writer: MessageWriter, { type, shape, bytes }: Tensor, name: string): void {
  writer.packedIntegers(TENSOR.dimension, shape)
  writer.integer(TENSOR.type, elementNumbers[type])
  if (name !== '') writer.text(TENSOR.name, name)
  writer.bytes(TENSOR.raw, bytes)
}

function writeValueInfo(writer: MessageWriter, { name, type, shape }: ValueInfo): void {
  writer.text(VALUE_INFO.name, name)
  if (type === null) return
  writer.message(VALUE_INFO.type, (inner) =>
    inner.message(TYPE.tensor, (tensor) => {
      tensor.integer(TENSOR_TYPE.element, elementNumbers[type])
      if (shape !== null) tensor.message(TENSOR_TYPE.shape, (inner) => writeShape(inner, shape))
    }),
  )
}

function writeShape(writer: MessageWriter, shape: NonNullable<ValueInfo['shape']>): void {
  for (const dimension of shape)
    writer.message(SHAPE.dimension, (inner) => {
      if (typeof dimension === 'number') inner.integer(DIMENSION.value, dimension)
      else if (dimension !== null) inner.text(DIMENSION.name, dimension)
    })
}
