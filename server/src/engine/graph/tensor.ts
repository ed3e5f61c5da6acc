/** Tensors from numbers and back. */
import assert from 'node:assert/strict'
import type { Tensor } from '../onnx/model.ts'
import type { Shape } from './ir.ts'

export function tensor(type: Tensor['type'], shape: Shape, values: ArrayLike<number>): Tensor {
  assert(values.length === sizeOf(shape), `${values.length} values do not fill [${shape.join(', ')}]`)
  const typed = arrayOf(type, values)
  return { type, shape, bytes: new Uint8Array(typed.buffer, typed.byteOffset, typed.byteLength) }
}

/** The values of a tensor as numbers; an int64 beyond 2⁵³ is a bug of the caller. */
export function numbers(tensor: Tensor): number[] {
  const { type, bytes } = tensor
  const aligned = bytes.slice().buffer
  switch (type) {
    case 'float32':
      return Array.from(new Float32Array(aligned))
    case 'float64':
      return Array.from(new Float64Array(aligned))
    case 'int64':
      return Array.from(new BigInt64Array(aligned), Number)
    case 'int32':
      return Array.from(new Int32Array(aligned))
    case 'bool':
    case 'uint8':
      return Array.from(new Uint8Array(aligned))
    case 'int8':
      return Array.from(new Int8Array(aligned))
    default:
      throw new TypeError(`no numbers are read from ${type}`)
  }
}

/** The number of elements. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, dimension) => product * dimension, 1)
}

function arrayOf(type: Tensor['type'], values: ArrayLike<number>) {
  switch (type) {
    case 'float32':
      return Float32Array.from(values)
    case 'float64':
      return Float64Array.from(values)
    case 'int64':
      return BigInt64Array.from(Array.from(values, BigInt))
    case 'int32':
      return Int32Array.from(values)
    case 'bool':
    case 'uint8':
      return Uint8Array.from(values)
    case 'int8':
      return Int8Array.from(values)
    default:
      throw new TypeError(`no tensor is made of ${type}`)
  }
}
