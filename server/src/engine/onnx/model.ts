/** An ONNX model as plain values: what onnx.proto3 says, without protobuf. Names are the standard's (ModelProto, IR version 10). */

/** Element types that tensors here may have, by the name that onnxruntime-node uses for them. */
export type ElementType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint64'
  | 'uint32'
  | 'uint16'
  | 'uint8'
  | 'bool'
  | 'string'

/** A tensor with its values. `bytes` are little-endian in row-major order, as raw_data holds them. */
export interface Tensor {
  readonly type: Exclude<ElementType, 'string'>
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

export type Attribute =
  /** An int64; the ends of its range, which mean “to the end”, are ±2^63. */
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'tensor'; readonly value: Tensor }
  | { readonly kind: 'graph'; readonly value: OnnxGraph }

export type Attributes = Readonly<Record<string, Attribute>>

/** A node; an absent optional input or output is the empty name. */
export interface OnnxNode {
  readonly name: string
  readonly op: string
  /** '' is ai.onnx. */
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Attributes
}

/** A dimension is a number where it is fixed, a name where it is symbolic, null where nothing is known. */
export type Dimension = number | string | null

export interface ValueInfo {
  readonly name: string
  /** null: not said, which the standard allows inside the graphs of an `If` or a `Loop`. */
  readonly type: ElementType | null
  /** null: of unknown rank. */
  readonly shape: readonly Dimension[] | null
}

export interface OnnxGraph {
  readonly name: string
  readonly nodes: readonly OnnxNode[]
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
  readonly values: readonly ValueInfo[]
  readonly initializers: ReadonlyMap<string, Tensor>
}

export interface OnnxModel {
  readonly irVersion: number
  /** By domain, '' being ai.onnx. */
  readonly opsets: ReadonlyMap<string, number>
  readonly producer: string
  readonly graph: OnnxGraph
  readonly metadata: ReadonlyMap<string, string>
}
