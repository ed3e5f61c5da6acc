/** A stream of bytes → chunks of whole records, in one pass and bounded memory. */
import { Fault } from '../../domain/faults.ts'
import type { Chunk, InputFormat } from './plan.ts'

export interface ChunkLimits {
  /** A chunk is cut at the first end of a record after this many bytes. */
  readonly chunkBytes: number
  /** A single record that is longer is refused. */
  readonly recordBytesMax: number
}

/** A megabyte is about 50 ms of scoring: long enough that handing it over costs nothing, short enough for progress. */
export const chunkLimits: ChunkLimits = { chunkBytes: 1 << 20, recordBytesMax: 16 << 20 }

/** What comes from a pipe is passed on as it comes: a person may be watching. */
export const liveLimits: ChunkLimits = { ...chunkLimits, chunkBytes: 1 }

const NEWLINE = 10
const QUOTE = 34

/**
 * Cuts a stream where records end. In CSV a newline inside of a quoted field is no end; elsewhere every newline is one.
 * A chunk owns its buffer, so it can be handed to another thread without a copy.
 */
export async function* chunksOf(
  bytes: AsyncIterable<Uint8Array>,
  format: InputFormat,
  delimiter: string,
  startLine = 1,
  limits: ChunkLimits = chunkLimits,
): AsyncGenerator<Chunk> {
  const scan = format === 'csv' ? quotedScanner(delimiter.charCodeAt(0)) : plainScanner()
  let parts: Uint8Array[] = []
  let length = 0
  let firstLine = startLine
  let lines = startLine - 1
  for await (const part of bytes) {
    let from = 0
    for (const end of scan(part)) {
      lines = startLine - 1 + end.lines
      if (length + end.offset - from < limits.chunkBytes) continue
      parts.push(part.subarray(from, end.offset))
      yield { bytes: joined(parts), firstLine }
      parts = []
      length = 0
      from = end.offset
      firstLine = lines + 1
    }
    parts.push(part.subarray(from))
    length += part.length - from
    if (length > limits.chunkBytes + limits.recordBytesMax)
      throw new Fault('data_broken', {
        say: `The record at line ${lines + 1} is longer than ${limits.recordBytesMax} bytes. Is a quote left open?`,
      })
  }
  if (length > 0) yield { bytes: joined(parts), firstLine }
}

/** The end of a record: the offset after it in the part that was scanned, and the lines of the stream up to there. */
interface End {
  readonly offset: number
  readonly lines: number
}

type Scanner = (part: Uint8Array) => Iterable<End>

/** Only the last end of a part matters: it is where the part can be cut. */
function plainScanner(): Scanner {
  let lines = 0
  return (part) => {
    let offset = 0
    for (let at = part.indexOf(NEWLINE); at !== -1; at = part.indexOf(NEWLINE, offset)) {
      lines++
      offset = at + 1
    }
    return offset > 0 ? [{ offset, lines }] : []
  }
}

/**
 * RFC 4180, byte by byte. A quote opens a field only where the field begins; doubled inside of a quoted field it stands
 * for itself. All of the characters that matter are ASCII, so UTF-8 needs no decoding here.
 */
function quotedScanner(delimiter: number): Scanner {
  const fieldStart = 0
  const plain = 1
  const quoted = 2
  const quoteSeen = 3
  let state = fieldStart
  let lines = 0
  return (part) => {
    let last: End | null = null
    for (let i = 0; i < part.length; i++) {
      const byte = part[i]
      if (byte === NEWLINE) lines++
      if (state === quoted) {
        if (byte === QUOTE) state = quoteSeen
      } else if (byte === QUOTE && state !== plain) state = quoted
      else if (byte === NEWLINE) {
        state = fieldStart
        last = { offset: i + 1, lines }
      } else state = byte === delimiter ? fieldStart : plain
    }
    return last === null ? [] : [last]
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
