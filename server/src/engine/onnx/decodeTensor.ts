/** Tensors: their bytes as the file holds them raw, in fields of numbers, or in a file beside it. */
import { Fault } from '../../domain/faults.ts'
import { ENTRY, elementNames, TENSOR } from './fields.ts'
import type { Tensor } from './model.ts'
import {
  type Budget,
  bytesOf,
  eachVarint,
  type Field,
  integerOf,
  malformed,
  pushIntegers,
  readMessage,
  textOf,
} from './protobuf.ts'
import { elementBytes } from './tensor.ts'

const RANK_MAX = 32

/** What is known while one file is read. */
export interface Reading {
  readonly budget: Budget
  /** The bytes of a tensor that lie outside of the file. */
  readonly readOutside: (name: string, place: Place) => Uint8Array
}

/** Where the bytes of a tensor lie, proven to be a file beside the model's. */
export interface Place {
  readonly location: string
  readonly offset: number
  readonly length: number
}

export interface NamedTensor {
  readonly name: string
  readonly tensor: Tensor
}

export function readTensor(fields: Iterable<Field>, reading: Reading): NamedTensor {
  let name = ''
  let typeNumber = 0
  let raw: Uint8Array | null = null
  let isExternal = false
  const shape: number[] = []
  const typed: Field[] = []
  const external = new Map<string, string>()
  for (const field of fields) {
    switch (field.number) {
      case TENSOR.dimension:
        pushIntegers(shape, field)
        break
      case TENSOR.type:
        typeNumber = integerOf(field)
        break
      case TENSOR.name:
        name = textOf(field)
        break
      case TENSOR.raw:
        raw = bytesOf(field)
        break
      case TENSOR.floats:
      case TENSOR.int32s:
      case TENSOR.int64s:
      case TENSOR.doubles:
      case TENSOR.uint64s:
        typed.push(field)
        break
      case TENSOR.external: {
        const { key, value } = nested(field, reading, readEntry)
        external.set(key, value)
        break
      }
      case TENSOR.location:
        isExternal = integerOf(field) === 1
        break
      case TENSOR.segment:
        throw unsupported(`its tensor “${name}” comes in pieces`, 'export it again')
    }
  }
  const type = elementNames.get(typeNumber)
  if (type === undefined || type === 'string')
    throw unsupported(`its tensor “${name}” has elements of type ${type ?? typeNumber}`, 'export it again as float32')
  const length = lengthOf(name, shape, elementBytes[type])
  const tensor = (bytes: Uint8Array): NamedTensor => ({ name, tensor: { type, shape, bytes } })
  if (isExternal) return tensor(reading.readOutside(name, placeOf(name, external, length)))
  if (raw !== null) {
    if (raw.length !== length) throw malformed(`its tensor “${name}” has ${raw.length} bytes instead of ${length}`)
    return tensor(raw)
  }
  return tensor(gather(name, type, length, typed))
}

/** Bytes of a tensor of this shape. */
function lengthOf(name: string, shape: readonly number[], bytesEach: number): number {
  const length = shape.reduce((product, dimension) => product * dimension, bytesEach)
  if (shape.length > RANK_MAX || shape.some((dimension) => dimension < 0) || !Number.isSafeInteger(length))
    throw malformed(`its tensor “${name}” has an impossible shape`)
  return length
}

/** Fields that each type may be in; the number that the standard stores it as is at least as wide. */
const storedAs: Readonly<Record<Tensor['type'], number>> = {
  float32: TENSOR.floats,
  float64: TENSOR.doubles,
  float16: TENSOR.int32s,
  bfloat16: TENSOR.int32s,
  int64: TENSOR.int64s,
  int32: TENSOR.int32s,
  int16: TENSOR.int32s,
  int8: TENSOR.int32s,
  uint64: TENSOR.uint64s,
  uint32: TENSOR.uint64s,
  uint16: TENSOR.int32s,
  uint8: TENSOR.int32s,
  bool: TENSOR.int32s,
}

/** The elements of a tensor that is not raw, but in fields of numbers, as raw bytes. */
function gather(name: string, type: Tensor['type'], length: number, typed: readonly Field[]): Uint8Array {
  const wrong = () => malformed(`its tensor “${name}” does not have the elements that its shape asks for`)
  const parts = typed.filter((field) => field.number === storedAs[type])
  const stored = parts.reduce((sum, field) => sum + field.bytes.length, 0)
  const each = elementBytes[type]
  // A varint has one byte at least: so much is asked before the memory is.
  if (type === 'float32' || type === 'float64' ? stored !== length : stored < length / each) throw wrong()
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const { bytes: part } of parts) {
    if (type === 'float32' || type === 'float64') {
      bytes.set(part, at)
      at += part.length
      continue
    }
    eachVarint(part, (low, high) => {
      if (at + each > length) throw wrong()
      if (each === 1) view.setUint8(at, low)
      else if (each === 2) view.setUint16(at, low, true)
      else view.setUint32(at, low, true)
      if (each === 8) view.setUint32(at + 4, high, true)
      at += each
    })
  }
  if (at !== length) throw wrong()
  return bytes
}

/** What the file asks for is checked before anything is read. */
function placeOf(name: string, external: ReadonlyMap<string, string>, length: number): Place {
  const location = external.get('location') ?? ''
  if (!isInside(location))
    throw malformed(`its tensor “${name}” points to “${location}”, which is not a file beside it`)
  const offset = wholeNumber(external.get('offset') ?? '0')
  const stated = wholeNumber(external.get('length') ?? String(length))
  if (offset === null || stated !== length)
    throw malformed(`its tensor “${name}” has a place in “${location}” that does not fit its shape`)
  return { location, offset, length }
}

/** Whether a name stays inside the folder that it is joined to, on every system. */
function isInside(location: string): boolean {
  if (location === '' || location.length > 1000 || /[\p{Cc}\\:]/u.test(location)) return false
  return location.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}

function wholeNumber(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null
}

export function readEntry(fields: Iterable<Field>): { key: string; value: string } {
  let key = ''
  let value = ''
  for (const field of fields) {
    if (field.number === ENTRY.key) key = textOf(field)
    else if (field.number === ENTRY.value) value = textOf(field)
  }
  return { key, value }
}

export function nested<T>(field: Field, reading: Reading, read: (fields: Iterable<Field>, reading: Reading) => T): T {
  return readMessage(bytesOf(field), reading.budget, (fields) => read(fields, reading))
}

/** The fault of what is ONNX, but not for us. `remedy` says what to do instead. */
export function unsupported(what: string, remedy: string): Fault {
  return new Fault('model_unsupported', { say: `The ONNX model cannot be used: ${what}; ${remedy}.` })
}
