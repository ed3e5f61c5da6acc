/**
 * The parameters of a model in one shared memory: values, gradients and both moments, without a copy between the runtime,
 * which reads and writes them in place, and the optimiser.
 *
 *   | w decaying | w plain | w frozen | g decaying | g plain | m … | v … | averages of w, where wanted | scratch |
 *
 * What learns lies together and in the same order four times, so the optimiser sees two long stretches instead of
 * hundreds of tensors. Every tensor begins at a multiple of 64 bytes; what lies between stays zero under AdamW, for its
 * gradient is never written.
 */
import { Fault } from '../../domain/faults.ts'
import { sizeOf } from '../graph/tensor.ts'
import type { RunValues } from '../session.ts'
import { KERNEL_BYTES_MAX, type Kernel, kernelMemory, openKernel } from './kernel/kernel.ts'
import type { ParameterSpec } from './trainable.ts'

/** A stretch of elements with its values, gradients and moments: pointers in bytes. */
export interface Stretch {
  readonly w: number
  readonly g: number
  readonly m: number
  readonly v: number
  readonly count: number
}

export interface Parameters {
  readonly specs: readonly ParameterSpec[]
  readonly kernel: Kernel
  readonly buffer: SharedArrayBuffer
  /** By name: the values, of the parameter's own size. */
  readonly weights: ReadonlyMap<string, Float32Array>
  /** By name, of those that learn. */
  readonly gradients: ReadonlyMap<string, Float32Array>
  readonly decaying: Stretch
  readonly plain: Stretch
  /** The running averages of the values by name (frozen ones: the values); null where none are kept. */
  readonly averages: ReadonlyMap<string, Float32Array> | null
  /** All values (also the frozen), both moments and the averages, each in one piece: what a checkpoint writes. */
  readonly state: {
    readonly w: Float32Array
    readonly m: Float32Array
    readonly v: Float32Array
    /** Empty where none are kept. */
    readonly averages: Float32Array
  }
  readonly scratch: Scratch
}

/** Memory for what changes with the batch: feeds, masks, gradients of rows. It is handed out anew for each bucket. */
export interface Scratch {
  allocate<T extends ScratchType>(type: T, elements: number): RunValues[T]
  /** Hands everything out again from the start. */
  reset(): void
}

export type ScratchType = 'float32' | 'int64' | 'int32' | 'bool'

/** A SIMD register is 4 elements, a cache line 16; masks are made 32 at a time. */
const LINE = 16
const SCRATCH_LINE_BYTES = 128

const padded = (elements: number): number => Math.ceil(elements / LINE) * LINE

/** What `scratchBytes` of it must be for these tensors. */
export function scratchBytes(tensors: Iterable<{ readonly type: ScratchType; readonly elements: number }>): number {
  let bytes = 0
  for (const { type, elements } of tensors) bytes += paddedBytes(type, elements)
  return bytes
}

const ELEMENT_BYTES: Readonly<Record<ScratchType, number>> = { float32: 4, int64: 8, int32: 4, bool: 1 }

function paddedBytes(type: ScratchType, elements: number): number {
  return Math.ceil((elements * ELEMENT_BYTES[type]) / SCRATCH_LINE_BYTES) * SCRATCH_LINE_BYTES
}

/** Lays the parameters out and fills in their first values. Throws model_unsupported where 4 GiB are too little. */
export function layOut(specs: readonly ParameterSpec[], scratch: number, averaged = false): Parameters {
  const decays = specs.filter((spec) => spec.learns && spec.decays)
  const plains = specs.filter((spec) => spec.learns && !spec.decays)
  const frozen = specs.filter((spec) => !spec.learns)
  const count = (some: readonly ParameterSpec[]): number =>
    some.reduce((sum, { shape }) => sum + padded(sizeOf(shape)), 0)
  const [decaying, plain, still] = [count(decays), count(plains), count(frozen)]
  const learning = decaying + plain
  const averaging = averaged ? learning : 0
  const elements = 4 * learning + averaging + still
  const bytes = 4 * elements + SCRATCH_LINE_BYTES + scratch
  if (bytes > KERNEL_BYTES_MAX)
    throw new Fault('model_unsupported', {
      say: `Training this model needs ${(bytes / 2 ** 30).toFixed(1)} GiB for weights, gradients, moments and a batch; 4 GiB can be addressed. Freeze a part of it, or take smaller batches.`,
    })
  const memory = kernelMemory(bytes)
  const { buffer } = memory
  const at = {
    w: 0,
    g: 4 * (learning + still),
    m: 4 * (2 * learning + still),
    v: 4 * (3 * learning + still),
    averages: 4 * (4 * learning + still),
  }
  const weights = new Map<string, Float32Array>()
  const gradients = new Map<string, Float32Array>()
  const averages = new Map<string, Float32Array>()
  let offset = 0
  for (const spec of [...decays, ...plains, ...frozen]) {
    const size = sizeOf(spec.shape)
    const weight = new Float32Array(buffer, at.w + offset, size)
    weight.set(spec.initial)
    weights.set(spec.name, weight)
    if (spec.learns) gradients.set(spec.name, new Float32Array(buffer, at.g + offset, size))
    averages.set(spec.name, averaged && spec.learns ? new Float32Array(buffer, at.averages + offset, size) : weight)
    offset += 4 * padded(size)
  }
  const stretch = (from: number, count: number): Stretch => ({
    w: at.w + 4 * from,
    g: at.g + 4 * from,
    m: at.m + 4 * from,
    v: at.v + 4 * from,
    count,
  })
  return {
    specs,
    kernel: openKernel(memory),
    buffer,
    weights,
    gradients,
    decaying: stretch(0, decaying),
    plain: stretch(decaying, plain),
    averages: averaged ? averages : null,
    state: {
      averages: new Float32Array(buffer, at.averages, averaging),
      w: new Float32Array(buffer, at.w, learning + still),
      m: new Float32Array(buffer, at.m, learning),
      v: new Float32Array(buffer, at.v, learning),
    },
    scratch: openScratch(buffer, Math.ceil((4 * elements) / SCRATCH_LINE_BYTES) * SCRATCH_LINE_BYTES),
  }
}

function openScratch(buffer: SharedArrayBuffer, from: number): Scratch {
  const makers: { readonly [T in ScratchType]: (offset: number, elements: number) => RunValues[T] } = {
    float32: (offset, elements) => new Float32Array(buffer, offset, elements),
    int64: (offset, elements) => new BigInt64Array(buffer, offset, elements),
    int32: (offset, elements) => new Int32Array(buffer, offset, elements),
    bool: (offset, elements) => new Uint8Array(buffer, offset, elements),
  }
  let next = from
  return {
    allocate: (type, elements) => {
      const values = makers[type](next, elements)
      next += paddedBytes(type, elements)
      return values
    },
    reset: () => {
      next = from
    },
  }
}
