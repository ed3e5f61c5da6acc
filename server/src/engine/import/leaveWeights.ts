/**
 * A decoded model that does not hold its file: the trainer has a copy of the weights of its own, and a second one that waits
 * for the end is memory that training lacks. Large tensors are read from the file when they are asked for.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { Fault } from '../../domain/faults.ts'
import type { Attribute, OnnxGraph, OnnxModel, Tensor } from '../onnx/model.ts'

/** A smaller tensor is copied: opening a file costs more than it holds. */
const LEFT_BYTES_MIN = 4096

/**
 * @param bytes what the model was decoded from: nothing of the result is a view into it
 * @param path  of the file with these bytes, which must stay as it is
 */
export function leaveWeights(model: OnnxModel, bytes: Uint8Array, path: string): OnnxModel {
  const outside = (tensor: Tensor): Tensor => {
    const isView = tensor.bytes.buffer === bytes.buffer
    if (!isView || tensor.bytes.length < LEFT_BYTES_MIN) return { ...tensor, bytes: tensor.bytes.slice() }
    return left(path, tensor, tensor.bytes.byteOffset - bytes.byteOffset)
  }
  return { ...model, graph: mapTensors(model.graph, outside) }
}

function left(path: string, { type, shape, bytes: { length } }: Tensor, offset: number): Tensor {
  return {
    type,
    shape,
    get bytes() {
      return readAt(path, offset, length)
    },
  }
}

function readAt(path: string, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  const file = openSync(path, 'r')
  try {
    for (let at = 0; at < length; ) {
      const read = readSync(file, bytes, at, length - at, offset + at)
      if (read === 0) throw new Fault('artifact_broken', { say: 'The ONNX model became shorter while it was in use.' })
      at += read
    }
  } finally {
    closeSync(file)
  }
  return bytes
}

/** Every tensor of a graph, those of its nodes' attributes included, as another. */
function mapTensors(graph: OnnxGraph, map: (tensor: Tensor) => Tensor): OnnxGraph {
  const attribute = (given: Attribute): Attribute => {
    if (given.kind === 'tensor') return { kind: 'tensor', value: map(given.value) }
    return given.kind === 'graph' ? { kind: 'graph', value: mapTensors(given.value, map) } : given
  }
  return {
    ...graph,
    initializers: new Map([...graph.initializers].map(([name, tensor]) => [name, map(tensor)])),
    nodes: graph.nodes.map((node) => ({
      ...node,
      attributes: Object.fromEntries(
        Object.entries(node.attributes).map(([name, value]) => [name, attribute(value)] as const),
      ),
    })),
  }
}
