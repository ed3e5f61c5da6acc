/** The numbers of onnx.proto3 (IR version 10) that are read or written here: fields, element types, attribute types. */
import type { Attribute, ElementType } from './model.ts'

export const MODEL = { irVersion: 1, producer: 2, graph: 7, opset: 8, metadata: 14, function: 25 } as const
export const OPSET = { domain: 1, version: 2 } as const
export const GRAPH = {
  node: 1,
  name: 2,
  initializer: 5,
  input: 11,
  output: 12,
  value: 13,
  sparseInitializer: 15,
} as const
export const NODE = { input: 1, output: 2, name: 3, op: 4, attribute: 5, domain: 7, overload: 8 } as const
export const ATTRIBUTE = {
  name: 1,
  float: 2,
  int: 3,
  string: 4,
  tensor: 5,
  graph: 6,
  floats: 7,
  ints: 8,
  strings: 9,
  type: 20,
  reference: 21,
} as const
export const TENSOR = {
  dimension: 1,
  type: 2,
  segment: 3,
  floats: 4,
  int32s: 5,
  strings: 6,
  int64s: 7,
  name: 8,
  raw: 9,
  doubles: 10,
  uint64s: 11,
  external: 13,
  location: 14,
} as const
export const VALUE_INFO = { name: 1, type: 2 } as const
export const TYPE = { tensor: 1 } as const
export const TENSOR_TYPE = { element: 1, shape: 2 } as const
export const SHAPE = { dimension: 1 } as const
export const DIMENSION = { value: 1, name: 2 } as const
export const ENTRY = { key: 1, value: 2 } as const

/** TensorProto.DataType. */
export const elementNumbers: Readonly<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
}

export const elementNames: ReadonlyMap<number, ElementType> = new Map(
  Object.entries(elementNumbers).map(([name, number]) => [number, name as ElementType]), // the keys of the table above
)

/** AttributeProto.AttributeType. */
export const attributeNumbers: Readonly<Record<Attribute['kind'], number>> = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
}
