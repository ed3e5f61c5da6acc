/**
 * The bytes of an ONNX file as a model. Tensors are views into the bytes where the file holds them raw, so the bytes must
 * stay as they are for as long as the model lives.
 *
 * Whatever the bytes are, the answer is a model or a Fault, soon and without much memory: `artifact_broken` for what is no
 * ONNX, `model_unsupported` for what is ONNX but not for us. Fields that are not needed are skipped.
 */
import { nested, type Reading, readEntry, readTensor, unsupported } from './decodeTensor.ts'
import {
  ATTRIBUTE,
  attributeNumbers,
  DIMENSION,
  elementNames,
  GRAPH,
  MODEL,
  NODE,
  OPSET,
  SHAPE,
  TENSOR_TYPE,
  TYPE,
  VALUE_INFO,
} from './fields.ts'
import type { Attribute, Dimension, ElementType, OnnxGraph, OnnxModel, OnnxNode, Tensor, ValueInfo } from './model.ts'
import {
  bytesOf,
  type Field,
  floatOf,
  integerOf,
  malformed,
  newBudget,
  pushFloats,
  pushIntegers,
  readMessage,
  textOf,
} from './protobuf.ts'

/** Reads `length` bytes at `offset` of the file `location`, which lies beside the model's. */
export type ReadExternal = (location: string, offset: number, length: number) => Uint8Array

export interface DecodeOptions {
  /** Without it, a model that keeps its weights in a file beside it is refused. */
  readonly readExternal?: ReadExternal
  /** Most bytes that are read from files beside the model's. */
  readonly externalBytesMax?: number
}

/** Protobuf's own limit of one file; a model of that size does not train or serve on a CPU in any useful time. */
const EXTERNAL_BYTES_MAX = 2 ** 31

export function decodeModel(file: Uint8Array, options: DecodeOptions = {}): OnnxModel {
  // A Buffer's slice is a view; from here on the bytes are what their type says.
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength)
  const reading: Reading = { budget: newBudget(), readOutside: outsideReader(options) }
  return readMessage(bytes, reading.budget, (fields) => readModel(fields, reading))
}

/** The files beside the model's in which it keeps weights, each with the bytes that it must have at least. */
export function externalFiles(bytes: Uint8Array): ReadonlyMap<string, number> {
  const files = new Map<string, number>()
  const reading: Reading = {
    budget: newBudget(),
    readOutside(_name, { location, offset, length }) {
      files.set(location, Math.max(files.get(location) ?? 0, offset + length))
      return new Uint8Array(0)
    },
  }
  readMessage(bytes, reading.budget, (fields) => readModel(fields, reading))
  return files
}

function outsideReader({ readExternal, externalBytesMax = EXTERNAL_BYTES_MAX }: DecodeOptions): Reading['readOutside'] {
  let left = externalBytesMax
  return (name, { location, offset, length }) => {
    if (readExternal === undefined)
      throw unsupported(`it keeps its weights in another file (“${location}”)`, 'save it again with its weights inside')
    left -= length
    if (left < 0)
      throw unsupported('it keeps more weights in other files than can be read', 'take a smaller or quantised model')
    const bytes = readExternal(location, offset, length)
    if (bytes.length !== length) throw malformed(`“${location}” ends before the tensor “${name}” does`)
    return bytes
  }
}

function readModel(fields: Iterable<Field>, reading: Reading): OnnxModel {
  let irVersion = 0
  let producer = ''
  let graph: OnnxGraph | null = null
  const opsets = new Map<string, number>()
  const metadata = new Map<string, string>()
  for (const field of fields) {
    switch (field.number) {
      case MODEL.irVersion:
        irVersion = integerOf(field)
        break
      case MODEL.producer:
        producer = textOf(field)
        break
      case MODEL.graph:
        if (graph !== null) throw malformed('it has two graphs')
        graph = nested(field, reading, readGraph)
        break
      case MODEL.opset:
        nested(field, reading, (inner) => readOpset(inner, opsets))
        break
      case MODEL.metadata: {
        const { key, value } = nested(field, reading, readEntry)
        metadata.set(key, value)
        break
      }
      case MODEL.function:
        throw unsupported('it defines functions of its own', 'export it again with its functions inlined')
    }
  }
  if (graph === null) throw malformed('it has no graph')
  return { irVersion, opsets, producer, graph, metadata }
}

function readOpset(fields: Iterable<Field>, opsets: Map<string, number>): void {
  let domain = ''
  let version = 0
  for (const field of fields) {
    if (field.number === OPSET.domain) domain = textOf(field)
    else if (field.number === OPSET.version) version = integerOf(field)
  }
  opsets.set(plainDomain(domain), version)
}

/** `ai.onnx` is the long form of the empty name. */
function plainDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain
}

function readGraph(fields: Iterable<Field>, reading: Reading): OnnxGraph {
  let name = ''
  const nodes: OnnxNode[] = []
  const inputs: ValueInfo[] = []
  const outputs: ValueInfo[] = []
  const values: ValueInfo[] = []
  const initializers = new Map<string, Tensor>()
  for (const field of fields) {
    switch (field.number) {
      case GRAPH.node:
        nodes.push(nested(field, reading, readNode))
        break
      case GRAPH.name:
        name = textOf(field)
        break
      case GRAPH.initializer: {
        const { name, tensor } = nested(field, reading, readTensor)
        if (initializers.has(name)) throw malformed(`it has two weights called “${name}”`)
        initializers.set(name, tensor)
        break
      }
      case GRAPH.input:
        inputs.push(required(nested(field, reading, readValueInfo)))
        break
      case GRAPH.output:
        outputs.push(required(nested(field, reading, readValueInfo)))
        break
      case GRAPH.value: {
        // Notes that help readers; one of a type that is not a tensor's has no use here.
        const value = nested(field, reading, readValueInfo)
        if (value !== 'not-a-tensor') values.push(value)
        break
      }
      case GRAPH.sparseInitializer:
        throw unsupported('it has sparse weights', 'export it again with dense ones')
    }
  }
  return { name, nodes, inputs, outputs, values, initializers }
}

function required(value: ValueInfo | 'not-a-tensor'): ValueInfo {
  if (value === 'not-a-tensor') throw unsupported('it takes or gives something that is not a tensor', 'export it again')
  return value
}

function readNode(fields: Iterable<Field>, reading: Reading): OnnxNode {
  let name = ''
  let op = ''
  let domain = ''
  const inputs: string[] = []
  const outputs: string[] = []
  const attributes: [string, Attribute][] = []
  for (const field of fields) {
    switch (field.number) {
      case NODE.input:
        inputs.push(textOf(field))
        break
      case NODE.output:
        outputs.push(textOf(field))
        break
      case NODE.name:
        name = textOf(field)
        break
      case NODE.op:
        op = textOf(field)
        break
      case NODE.attribute:
        attributes.push(nested(field, reading, readAttribute))
        break
      case NODE.domain:
        domain = plainDomain(textOf(field))
        break
      case NODE.overload:
        if (bytesOf(field).length > 0) throw unsupported('it calls a function of its own', 'export it again inlined')
        break
    }
  }
  if (op === '') throw malformed(`its node “${name}” has no operator`)
  return { name, op, domain, inputs, outputs, attributes: Object.fromEntries(attributes) }
}

function readAttribute(fields: Iterable<Field>, reading: Reading): [string, Attribute] {
  let name = ''
  let type = 0
  const int = { kind: 'int' as const, value: 0 }
  const float = { kind: 'float' as const, value: 0 }
  const string = { kind: 'string' as const, value: '' }
  const ints = { kind: 'ints' as const, value: [] as number[] }
  const floats = { kind: 'floats' as const, value: [] as number[] }
  const strings = { kind: 'strings' as const, value: [] as string[] }
  let tensor: Attribute | null = null
  let graph: Attribute | null = null
  /** The form that was met, for files from before attributes said their type. */
  let met: Attribute | null = null
  for (const field of fields) {
    switch (field.number) {
      case ATTRIBUTE.name:
        name = textOf(field)
        break
      case ATTRIBUTE.type:
        type = integerOf(field)
        break
      case ATTRIBUTE.int:
        int.value = integerOf(field)
        met = int
        break
      case ATTRIBUTE.float:
        float.value = floatOf(field)
        met = float
        break
      case ATTRIBUTE.string:
        string.value = textOf(field)
        met = string
        break
      case ATTRIBUTE.ints:
        pushIntegers(ints.value, field)
        met = ints
        break
      case ATTRIBUTE.floats:
        pushFloats(floats.value, field)
        met = floats
        break
      case ATTRIBUTE.strings:
        strings.value.push(textOf(field))
        met = strings
        break
      case ATTRIBUTE.tensor:
        met = tensor = { kind: 'tensor', value: nested(field, reading, readTensor).tensor }
        break
      case ATTRIBUTE.graph:
        met = graph = { kind: 'graph', value: nested(field, reading, readGraph) }
        break
      case ATTRIBUTE.reference:
        if (bytesOf(field).length > 0) throw unsupported('it has a function of its own', 'export it again inlined')
        break
    }
  }
  const forms = [int, float, string, ints, floats, strings, tensor, graph]
  const found = type === 0 ? met : forms.find((form) => form !== null && attributeNumbers[form.kind] === type)
  if (found) return [name, found]
  const isTensorOrGraph = type === attributeNumbers.tensor || type === attributeNumbers.graph
  if (type === 0 || isTensorOrGraph) throw malformed(`its attribute “${name}” has no value`)
  throw unsupported(`its attribute “${name}” is of a kind that no text model needs (${type})`, 'export it again')
}

function readValueInfo(fields: Iterable<Field>, reading: Reading): ValueInfo | 'not-a-tensor' {
  let name = ''
  let type: Pick<ValueInfo, 'type' | 'shape'> | 'not-a-tensor' = { type: null, shape: null }
  for (const field of fields) {
    if (field.number === VALUE_INFO.name) name = textOf(field)
    else if (field.number === VALUE_INFO.type) type = nested(field, reading, readType)
  }
  return type === 'not-a-tensor' ? type : { name, ...type }
}

function readType(fields: Iterable<Field>, reading: Reading): Pick<ValueInfo, 'type' | 'shape'> | 'not-a-tensor' {
  for (const field of fields) if (field.number === TYPE.tensor) return nested(field, reading, readTensorType)
  return 'not-a-tensor'
}

function readTensorType(fields: Iterable<Field>, reading: Reading): Pick<ValueInfo, 'type' | 'shape'> | 'not-a-tensor' {
  let type: ElementType | null = null
  let shape: Dimension[] | null = null
  for (const field of fields) {
    if (field.number === TENSOR_TYPE.element) {
      const number = integerOf(field)
      const known = elementNames.get(number)
      if (known === undefined && number !== 0) return 'not-a-tensor'
      type = known ?? null
    } else if (field.number === TENSOR_TYPE.shape) shape = nested(field, reading, readShape)
  }
  return { type, shape }
}

function readShape(fields: Iterable<Field>, reading: Reading): Dimension[] {
  const shape: Dimension[] = []
  for (const field of fields) if (field.number === SHAPE.dimension) shape.push(nested(field, reading, readDimension))
  return shape
}

function readDimension(fields: Iterable<Field>): Dimension {
  let dimension: Dimension = null
  for (const field of fields) {
    if (field.number === DIMENSION.value) dimension = integerOf(field)
    else if (field.number === DIMENSION.name) dimension = textOf(field) || null
  }
  return dimension
}
