/**
 * The safetensors format: named tensors behind a header in JSON.
 *
 *   file   = header length (8 bytes, little-endian), header, values
 *   header = { "name": { "dtype": "F32", "shape": [..], "data_offsets": [start, end] }, …, "__metadata__": { … } }
 *
 * Offsets count from the end of the header; the values must be covered without gap or overlap.
 * Source: huggingface/safetensors, README, “Format”; the limit of the header is its reference implementation's.
 */
import { Fault } from '../../domain/faults.ts'

/** A tensor as float32, whatever the file held it in. */
export interface FloatTensor {
  readonly shape: readonly number[]
  readonly values: Float32Array
}

const HEADER_BYTES_MAX = 100_000_000
const TENSORS_MAX = 100_000
const RANK_MAX = 8

interface Entry {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly start: number
  readonly end: number
}

/** Bytes of an element, of every type that the format knows and that has whole bytes. */
const dtypeBytes: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
}

/**
 * Reads every float tensor as float32; tensors of integers (position ids and the like) are left out.
 * A float32 tensor that lies aligned in the bytes is a view on them.
 */
export function readSafetensors(file: Uint8Array): Map<string, FloatTensor> {
  // A Buffer slices without copying; from here on it is what its type says.
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength)
  const { entries, at } = readHeader(bytes)
  const tensors = new Map<string, FloatTensor>()
  for (const { name, dtype, shape, start, end } of entries) {
    const values = floatsOf(dtype, bytes.subarray(at + start, at + end))
    if (values) tensors.set(name, { shape, values })
  }
  return tensors
}

function readHeader(bytes: Uint8Array): { entries: readonly Entry[]; at: number } {
  if (bytes.length < 8) throw broken('it is shorter than the length of its header')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32
  if (length > HEADER_BYTES_MAX || length > bytes.length - 8)
    throw broken(`it claims a header of ${length} bytes, which it does not have`)
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length)))
  } catch (cause) {
    throw broken('its header is not JSON', cause)
  }
  if (!isRecord(header)) throw broken('its header is not an object')
  const named = Object.entries(header).filter(([name]) => name !== '__metadata__')
  if (named.length > TENSORS_MAX) throw broken(`it has more than ${TENSORS_MAX} tensors`)
  const entries = named
    .map(([name, entry]) => readEntry(name, entry))
    .toSorted((a, b) => a.start - b.start || a.end - b.end)
  let covered = 0
  for (const { name, start, end } of entries) {
    if (start !== covered) throw broken(`the values of “${name}” overlap others or leave a gap`)
    covered = end
  }
  if (covered !== bytes.length - 8 - length) throw broken('its tensors do not cover its values')
  return { entries, at: 8 + length }
}

function readEntry(name: string, entry: unknown): Entry {
  if (!isRecord(entry)) throw broken(`its tensor “${name}” has no description`)
  const { dtype, shape, data_offsets: offsets } = entry
  if (typeof dtype !== 'string' || !Object.hasOwn(dtypeBytes, dtype))
    throw broken(`its tensor “${name}” is of the unknown type ${JSON.stringify(dtype)}`)
  if (!isCounts(shape) || shape.length > RANK_MAX) throw broken(`its tensor “${name}” has an impossible shape`)
  if (!isCounts(offsets) || offsets.length !== 2) throw broken(`its tensor “${name}” has no place`)
  const [start, end] = offsets as [number, number] // their number was just checked
  const length = shape.reduce((product, size) => product * size, dtypeBytes[dtype] ?? 0)
  if (end - start !== length) throw broken(`the place of its tensor “${name}” does not fit its shape`)
  return { name, dtype, shape, start, end }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0)
}

/** null for integers. */
function floatsOf(dtype: string, bytes: Uint8Array): Float32Array | null {
  const each = dtypeBytes[dtype] ?? 1
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % each === 0 ? bytes : bytes.slice()
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer, byteOffset, byteLength / 4)
    case 'F64':
      return Float32Array.from(new Float64Array(buffer, byteOffset, byteLength / 8))
    case 'F16':
      return Float32Array.from(new Float16Array(buffer, byteOffset, byteLength / 2))
    case 'BF16':
      return fromBfloat16(new Uint16Array(buffer, byteOffset, byteLength / 2))
    default:
      return null
  }
}

/** bfloat16 is the upper half of float32. */
function fromBfloat16(halves: Uint16Array): Float32Array {
  const values = new Float32Array(halves.length)
  const bits = new Uint32Array(values.buffer)
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i] << 16
  return values
}

/**
 * A file of float32 tensors, in the order of the map, as PyTorch and transformers read it.
 *
 * @internal Only tests write checkpoints; it stands beside the reader so that the two agree about the form.
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, FloatTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt', ...metadata } }
  let end = 0
  for (const [name, { shape, values }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, (end += values.byteLength)] }
  }
  const text = new TextEncoder().encode(JSON.stringify(header))
  // Spaces after the header align the values, so that readers need not copy them.
  const length = Math.ceil(text.length / 8) * 8
  const bytes = new Uint8Array(8 + length + end).fill(0x20, 8, 8 + length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true)
  bytes.set(text, 8)
  let at = 8 + length
  for (const { values } of tensors.values()) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at)
    at += values.byteLength
  }
  return bytes
}

function broken(why: string, cause?: unknown): Fault {
  return new Fault('artifact_broken', {
    say: `The safetensors file cannot be read: ${why}.`,
    ...(cause === undefined ? {} : { cause }),
  })
}
