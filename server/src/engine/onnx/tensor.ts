/** What the bytes of a tensor mean. */
import type { Tensor } from './model.ts'

/** Bytes of one element. */
export const elementBytes: Readonly<Record<Tensor['type'], number>> = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint64: 8,
  uint32: 4,
  uint16: 2,
  uint8: 1,
  bool: 1,
}

/** The elements of a float32 tensor: a view where its bytes are aligned, a copy where a file put them askew. */
export function floats({ type, bytes }: Tensor): Float32Array {
  if (type !== 'float32') throw new TypeError(`The tensor has elements of type ${type}, not float32.`)
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4)
}
