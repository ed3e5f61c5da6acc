/**
 * Tuned weights into the file that they came from: every other byte stays as it was, so that what served before serves
 * again. A weight that shared its initializer (`Identity`) gets one of its own in place of the Identity.
 */
import assert from 'node:assert/strict'
import { sizeOf } from '../graph/tensor.ts'
import { elementNumbers, GRAPH, MODEL, NODE, TENSOR } from '../onnx/fields.ts'
import { bytesOf, type Field, MessageWriter, newBudget, readMessage, textOf } from '../onnx/protobuf.ts'
import type { ExportWeight } from './readExport.ts'

/** Bytes in pieces, so that a large file is copied once, at the end. */
type Pieces = readonly Uint8Array[]

export function writeWeights(
  file: Uint8Array,
  weights: readonly ExportWeight[],
  now: (weight: ExportWeight) => Float32Array,
): Uint8Array {
  const own = new Map(
    weights.filter(({ name, initializer }) => name === initializer).map((weight) => [weight.name, weight]),
  )
  const split = new Map(
    weights.filter(({ name, initializer }) => name !== initializer).map((weight) => [weight.name, weight]),
  )
  const graph = (message: Uint8Array): Pieces =>
    rewritten(message, (field) => {
      if (field.number === GRAPH.initializer) {
        const weight = own.get(nameOf(bytesOf(field), TENSOR.name))
        return weight && framed(GRAPH.initializer, withValues(bytesOf(field), weight, now(weight)))
      }
      if (field.number !== GRAPH.node) return undefined
      const weight = split.get(nameOf(bytesOf(field), NODE.output))
      return weight && framed(GRAPH.initializer, [tensorOf(weight, now(weight))])
    })
  return joined(
    rewritten(file, (field) => (field.number === MODEL.graph ? framed(MODEL.graph, graph(bytesOf(field))) : undefined)),
  )
}

/** A message with some of its fields replaced; the others keep their very bytes. */
function rewritten(message: Uint8Array, replace: (field: Field) => Pieces | undefined): Pieces {
  const pieces: Uint8Array[] = []
  let at = 0
  readMessage(message, newBudget(), (fields) => {
    for (const field of fields) {
      const end = field.bytes.byteOffset - message.byteOffset + field.bytes.length
      pieces.push(...(replace(field) ?? [message.subarray(at, end)]))
      at = end
    }
  })
  return pieces
}

/** A field of that number: its tag, its length, its bytes. */
function framed(number: number, pieces: Pieces): Pieces {
  return [Uint8Array.from([...varint(number * 8 + 2), ...varint(lengthOf(pieces))]), ...pieces]
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]
}

/** The first text in a field of that number. */
function nameOf(message: Uint8Array, number: number): string {
  return readMessage(message, newBudget(), (fields) => {
    for (const field of fields) if (field.number === number) return textOf(field)
    return ''
  })
}

/** The values stay in the form that they had: raw, or in a field of floats. */
function withValues(tensor: Uint8Array, { name, tensor: { shape } }: ExportWeight, values: Float32Array): Pieces {
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  assert(values.length === sizeOf(shape), `the values of ${name} do not fit its shape`)
  let isWritten = false
  const pieces = rewritten(tensor, ({ number }) => {
    if (number !== TENSOR.raw && number !== TENSOR.floats) return undefined
    const first = !isWritten
    isWritten = true
    return first ? framed(number, [raw]) : []
  })
  assert(isWritten, `${name} has no values in the file`)
  return pieces
}

function tensorOf({ name, tensor: { type, shape } }: ExportWeight, values: Float32Array): Uint8Array {
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  assert(values.length === sizeOf(shape), `the values of ${name} do not fit its shape`)
  const writer = new MessageWriter()
  writer.packedIntegers(TENSOR.dimension, shape)
  writer.integer(TENSOR.type, elementNumbers[type])
  writer.text(TENSOR.name, name)
  writer.bytes(TENSOR.raw, raw)
  return writer.finish()
}

function lengthOf(pieces: Pieces): number {
  return pieces.reduce((sum, { length }) => sum + length, 0)
}

function joined(pieces: Pieces): Uint8Array {
  const bytes = new Uint8Array(lengthOf(pieces))
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}
