/** What a part of a split learner is given: where its tensors lie, and how work reaches it. */
import type { Shape } from '../graph/ir.ts'
import { sizeOf } from '../graph/tensor.ts'
import { type RunTensor, runTensor, type SessionOptions } from '../session.ts'
import type { ScratchType } from './parameters.ts'

export interface PartTensor {
  readonly name: string
  readonly type: ScratchType
  /** In bytes, in the shared memory. */
  readonly offset: number
  readonly shape: Shape
}

export interface PartData {
  readonly model: Uint8Array
  readonly options: SessionOptions
  readonly inputs: readonly PartTensor[]
  readonly outputs: readonly PartTensor[]
  readonly memory: SharedArrayBuffer
  /** [ASKED, DONE]: the number of the run that is asked for, and of the last one done. */
  readonly control: Int32Array
}

export const ASKED = 0
export const DONE = 1
/** As what is asked for: the end. */
export const CLOSED = -1
/** As what is done: nothing, and nothing more to come. */
export const FAILED = -1

export function partTensor(buffer: SharedArrayBuffer, { type, offset, shape }: PartTensor): RunTensor {
  const size = sizeOf(shape)
  switch (type) {
    case 'float32':
      return runTensor(type, new Float32Array(buffer, offset, size), shape)
    case 'int64':
      return runTensor(type, new BigInt64Array(buffer, offset, size), shape)
    case 'int32':
      return runTensor(type, new Int32Array(buffer, offset, size), shape)
    case 'bool':
      return runTensor(type, new Uint8Array(buffer, offset, size), shape)
    default:
      return type satisfies never
  }
}
