/**
 * Protocol buffers' wire format, as far as ONNX uses it: reading without copying, writing without guessing.
 *
 *   message = (tag value)*        tag = varint(number · 8 + wire)
 *   wire 0: varint    1: 8 bytes    2: varint(length), then that many bytes    5: 4 bytes
 *
 * Source: protobuf.dev, “Encoding”. Groups (wires 3 and 4) are long dead, and refused. All numbers are little-endian.
 */
import { Fault } from '../../domain/faults.ts'

/** Messages of one file: far above every model there is (about 20 a node), far below what would exhaust the memory. */
const MESSAGES_MAX = 1_000_000
/** ONNX nests a graph in an attribute of a node of a graph: seven levels for each `If` within an `If`. */
const DEPTH_MAX = 64
const VARINT_BYTES_MAX = 10
const TWO32 = 2 ** 32

export type Wire = 'varint' | 'fixed64' | 'bytes' | 'fixed32'

/** One field of a message. Its bytes are a view into the file. */
export interface Field {
  readonly number: number
  readonly wire: Wire
  /** What stands for the value: without the tag, and without the length of a `bytes` field. */
  readonly bytes: Uint8Array
}

/** What one file may still ask for. A file of rubbish may claim any number of messages at any depth. */
export interface Budget {
  messages: number
  depth: number
}

export function newBudget(): Budget {
  return { messages: MESSAGES_MAX, depth: DEPTH_MAX }
}

/** Reads a message with `read`, which gets its fields one by one in the order of the file. */
export function readMessage<T>(bytes: Uint8Array, budget: Budget, read: (fields: Iterable<Field>) => T): T {
  if (--budget.messages < 0) throw malformed(`it has more than ${MESSAGES_MAX} parts`)
  if (--budget.depth < 0) throw malformed(`it is nested more than ${DEPTH_MAX} levels deep`)
  const result = read(fieldsOf(bytes))
  budget.depth++
  return result
}

function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  let at = 0
  while (at < bytes.length) {
    const tagEnd = skipVarint(bytes, at)
    const tag = unsigned(bytes, at, tagEnd)
    const number = Math.floor(tag / 8)
    if (number === 0) throw malformed('it has a field without a number')
    switch (tag % 8) {
      case 0: {
        at = skipVarint(bytes, tagEnd)
        yield { number, wire: 'varint', bytes: bytes.subarray(tagEnd, at) }
        break
      }
      case 1: {
        at = reach(bytes, tagEnd, 8)
        yield { number, wire: 'fixed64', bytes: bytes.subarray(tagEnd, at) }
        break
      }
      case 2: {
        const start = skipVarint(bytes, tagEnd)
        at = reach(bytes, start, unsigned(bytes, tagEnd, start))
        yield { number, wire: 'bytes', bytes: bytes.subarray(start, at) }
        break
      }
      case 5: {
        at = reach(bytes, tagEnd, 4)
        yield { number, wire: 'fixed32', bytes: bytes.subarray(tagEnd, at) }
        break
      }
      default:
        throw malformed(`its field ${number} has no known form`)
    }
  }
}

function reach(bytes: Uint8Array, start: number, length: number): number {
  const end = start + length
  if (end > bytes.length) throw malformed('it ends in the middle of a field')
  return end
}

function skipVarint(bytes: Uint8Array, start: number): number {
  for (let at = start; at < start + VARINT_BYTES_MAX; at++) {
    if (at >= bytes.length) throw malformed('it ends in the middle of a number')
    if (bytes[at] < 128) return at + 1
  }
  throw malformed(`it has a number of more than ${VARINT_BYTES_MAX} bytes`)
}

function unsigned(bytes: Uint8Array, start: number, end: number): number {
  const { low, high } = varint(bytes, start, end)
  return high * TWO32 + low
}

/** The halves of a 64-bit varint, each unsigned. */
function varint(bytes: Uint8Array, start: number, end: number): { low: number; high: number } {
  let low = 0
  let high = 0
  for (let at = start, shift = 0; at < end; at++, shift += 7) {
    const seven = bytes[at] & 127
    if (shift < 28) low |= seven << shift
    else if (shift === 28) {
      low |= (seven & 15) << 28
      high = seven >>> 4
    } else if (shift < 63) high |= seven << (shift - 32)
    else high |= (seven & 1) << 31
  }
  return { low: low >>> 0, high: high >>> 0 }
}

/** A whole message, a string, bytes, or packed numbers. */
export function bytesOf(field: Field): Uint8Array {
  if (field.wire !== 'bytes') throw malformed(`its field ${field.number} has the form of a number`)
  return field.bytes
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

export function textOf(field: Field): string {
  const bytes = bytesOf(field)
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw malformed(`its field ${field.number} is not text in UTF-8`, cause)
  }
}

/** A signed 64-bit integer; beyond ±2^53 the nearest double. */
export function integerOf(field: Field): number {
  if (field.wire !== 'varint') throw malformed(`its field ${field.number} does not have the form of an integer`)
  const { low, high } = varint(field.bytes, 0, field.bytes.length)
  return (high | 0) * TWO32 + low
}

export function floatOf(field: Field): number {
  if (field.wire !== 'fixed32') throw malformed(`its field ${field.number} does not have the form of a float`)
  return new DataView(field.bytes.buffer, field.bytes.byteOffset, 4).getFloat32(0, true)
}

/** A field of a repeated number: one alone, or many packed. Adds them to `list`. */
export function pushIntegers(list: number[], field: Field): void {
  if (field.wire === 'varint') list.push(integerOf(field))
  else eachVarint(bytesOf(field), (low, high) => list.push((high | 0) * TWO32 + low))
}

export function pushFloats(list: number[], field: Field): void {
  if (field.wire === 'fixed32') list.push(floatOf(field))
  else {
    const bytes = bytesOf(field)
    if (bytes.length % 4 !== 0) throw malformed(`its field ${field.number} ends in the middle of a float`)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    for (let at = 0; at < bytes.length; at += 4) list.push(view.getFloat32(at, true))
  }
}

/** The halves of each varint of a packed field, or of the one varint of a field that is not packed. */
export function eachVarint(bytes: Uint8Array, visit: (low: number, high: number) => void): void {
  let at = 0
  while (at < bytes.length) {
    const end = skipVarint(bytes, at)
    const { low, high } = varint(bytes, at, end)
    visit(low, high)
    at = end
  }
}

/** The fault of bytes that are no ONNX model. `why` goes on after “cannot be read:”. */
export function malformed(why: string, cause?: unknown): Fault {
  return new Fault('artifact_broken', {
    say: `The ONNX model cannot be read: ${why}.`,
    ...(cause === undefined ? {} : { cause }),
  })
}

/** Writes one message: fields in the order of the calls. Long bytes are kept as they are, and copied once, at the end. */
export class MessageWriter {
  readonly #parts: Uint8Array[] = []
  #small: number[] = []
  #length = 0

  integer(number: number, value: number): void {
    this.#varint(number * 8)
    this.#signed(value)
  }

  float(number: number, value: number): void {
    this.#varint(number * 8 + 5)
    this.#small.push(...floatBytes([value]))
  }

  text(number: number, value: string): void {
    this.bytes(number, utf8Encoder.encode(value))
  }

  bytes(number: number, value: Uint8Array): void {
    this.#varint(number * 8 + 2)
    this.#varint(value.length)
    if (value.length <= SMALL_BYTES) this.#small.push(...value)
    else this.#keep(value)
  }

  message(number: number, write: (message: MessageWriter) => void): void {
    const inner = new MessageWriter()
    write(inner)
    inner.#flush()
    this.#varint(number * 8 + 2)
    this.#varint(inner.#length)
    this.#flush()
    for (const part of inner.#parts) this.#keep(part)
  }

  /** Left out where there is nothing in it. */
  packedIntegers(number: number, values: readonly number[]): void {
    if (values.length === 0) return
    const inner = new MessageWriter()
    for (const value of values) inner.#signed(value)
    this.bytes(number, inner.finish())
  }

  packedFloats(number: number, values: readonly number[]): void {
    if (values.length > 0) this.bytes(number, floatBytes(values))
  }

  /** All that was written, in one piece. */
  finish(): Uint8Array {
    this.#flush()
    const bytes = new Uint8Array(this.#length)
    let at = 0
    for (const part of this.#parts) {
      bytes.set(part, at)
      at += part.length
    }
    return bytes
  }

  #keep(part: Uint8Array): void {
    this.#flush()
    this.#parts.push(part)
    this.#length += part.length
  }

  #flush(): void {
    if (this.#small.length === 0) return
    const part = Uint8Array.from(this.#small)
    this.#small = []
    this.#parts.push(part)
    this.#length += part.length
  }

  #varint(value: number): void {
    let rest = value
    while (rest >= 128) {
      this.#small.push((rest % 128) | 128)
      rest = Math.floor(rest / 128)
    }
    this.#small.push(rest)
  }

  /** Two's complement in 64 bits. Doubles beyond the range become its ends: 2^63 stands for the largest int64. */
  #signed(value: number): void {
    if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) return this.#varint(value)
    let rest = BigInt.asUintN(64, value >= 2 ** 63 ? 2n ** 63n - 1n : value < -(2 ** 63) ? -(2n ** 63n) : BigInt(value))
    while (rest >= 128n) {
      this.#small.push(Number(rest & 127n) | 128)
      rest >>= 7n
    }
    this.#small.push(Number(rest))
  }
}

const utf8Encoder = new TextEncoder()
/** Up to here a copy is cheaper than a part of its own. */
const SMALL_BYTES = 256

function floatBytes(values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4))
  for (const [i, value] of values.entries()) view.setFloat32(i * 4, value, true)
  return new Uint8Array(view.buffer)
}
