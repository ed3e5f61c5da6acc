/**
 * The arithmetic of a training step that does not belong into the graph, in WebAssembly SIMD over one shared memory.
 *
 * What each function computes is said in kernel.wat. Pointers are in bytes, counts in elements of float32.
 */
import { readFileSync } from 'node:fs'

export interface Kernel {
  adamw(
    w: number,
    g: number,
    m: number,
    v: number,
    count: number,
    scale: number,
    b1: number,
    b2: number,
    keep: number,
    ss: number,
    eps: number,
  ): void
  sumOfSquares(x: number, count: number): number
  addScaled(sum: number, x: number, count: number, scale: number): void
  zero(x: number, count: number): void
  scatterAdd(table: number, tableRows: number, rows: number, ids: number, count: number, width: number): void
  mask(
    x: number,
    count: number,
    value: number,
    threshold: number,
    key0: number,
    key1: number,
    site: number,
    step: number,
    turn: number,
  ): void
}

export interface KernelMemory {
  readonly buffer: SharedArrayBuffer
}

/** The part of the WebAssembly interface that is used here; Node has it, and its types have not. */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number; shared: true }) => KernelMemory
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

const PAGE_BYTES = 65_536
/** What 32-bit addresses reach. */
export const KERNEL_BYTES_MAX = 65_536 * PAGE_BYTES

/** A memory of at least so many bytes, at most 4 GiB, zeroed. It never grows, so no view on it is ever detached. */
export function kernelMemory(bytes: number): KernelMemory {
  const pages = Math.max(1, Math.ceil(bytes / PAGE_BYTES))
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
}

export function openKernel(memory: KernelMemory): Kernel {
  const module = new WebAssembly.Module(readFileSync(new URL('kernel.wasm', import.meta.url)))
  // The exports are those of kernel.wat; the interface above lists them.
  return new WebAssembly.Instance(module, { env: { memory } }).exports as Kernel
}
