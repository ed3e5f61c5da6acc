/** A stream of bytes → blocks of whole rows, in one pass and bounded memory. */
import { Fault } from '../../domain/faults.ts'
import type { Block, Layout } from './layout.ts'

const NEWLINE = 10
const RETURN = 13
const SPACE = 32
const QUOTE = 34
const BACKSLASH = 92

type Dialect = Pick<Layout, 'delimiter' | 'quotes' | 'rowBytesMax'>

/**
 * Cuts a stream where rows end: at \n, \r\n or a lone \r. Inside of a quoted field none of them is an end.
 *
 * @param blockBytes a block ends with the first part of the stream that brings it to this size
 * @throws Fault data_broken where a quote stays open for longer than a row may be.
 */
export async function* blocksOf(
  bytes: AsyncIterable<Uint8Array>,
  dialect: Dialect,
  blockBytes: number,
  startLine = 1,
): AsyncGenerator<Block> {
  const scan = scannerOf(dialect)
  const place = startPlace()
  /** Whole rows, and what follows the last of them. */
  let whole: Uint8Array[] = []
  let open: Uint8Array[] = []
  let wholeBytes = 0
  let openBytes = 0
  let wholeLine = startLine
  let openLine = startLine
  let isSkipping = false
  for await (const part of bytes) {
    const end = scan(part, place)
    let from = 0
    if (isSkipping && end >= 0) {
      yield { bytes: new Uint8Array(0), firstLine: openLine, isTooLong: true }
      isSkipping = false
      from = place.firstEnd
      openBytes = 0
      wholeLine = startLine + place.firstLines
    }
    if (end < 0) {
      if (!isSkipping) open.push(part)
      openBytes += part.length
    } else {
      whole.push(...open, part.subarray(from, end))
      wholeBytes += openBytes + end - from
      open = end < part.length ? [part.subarray(end)] : []
      openBytes = part.length - end
      openLine = startLine + place.lines
      if (wholeBytes >= blockBytes) {
        yield { bytes: joined(whole, wholeBytes), firstLine: wholeLine }
        whole = []
        wholeBytes = 0
        wholeLine = openLine
      }
    }
    if (openBytes > dialect.rowBytesMax && !isSkipping) {
      if (place.isOpen) throw leftOpen(startLine + place.quoteLine, dialect.rowBytesMax)
      if (wholeBytes > 0) yield { bytes: joined(whole, wholeBytes), firstLine: wholeLine }
      whole = open = []
      wholeBytes = 0
      isSkipping = true
    }
  }
  if (isSkipping) yield { bytes: new Uint8Array(0), firstLine: openLine, isTooLong: true }
  else if (wholeBytes + openBytes > 0)
    yield { bytes: joined([...whole, ...open], wholeBytes + openBytes), firstLine: wholeLine }
}

/** The length of the whole rows that bytes begin with. */
export function wholeRows(bytes: Uint8Array, dialect: Dialect): number {
  return Math.max(0, scannerOf(dialect)(bytes, startPlace()))
}

function scannerOf(dialect: Dialect): Scanner {
  return dialect.quotes === 'whole-field' ? plainScanner() : quotedScanner(dialect)
}

function leftOpen(line: number, bytesMax: number): Fault {
  return new Fault('data_broken', {
    say: `A quote opens in line ${line} and is still open ${bytesMax} bytes later. Is it a stray one? Inside of a quoted field a quote is written twice.`,
  })
}

interface Place {
  /** Lines of the stream up to the last end of a row. */
  lines: number
  /** The first end of a row in the part that was scanned last, and the lines up to there. */
  firstEnd: number
  firstLines: number
  /** Whether a quote is open, and after how many lines it opened. */
  isOpen: boolean
  quoteLine: number
}

/** Gives the offset after the last end of a row in the part, which may be 0; −1 where there is none. */
type Scanner = (part: Uint8Array, place: Place) => number

function startPlace(): Place {
  return { lines: 0, firstEnd: -1, firstLines: 0, isOpen: false, quoteLine: 0 }
}

function endAt(place: Place, offset: number, lines: number): void {
  if (place.firstEnd < 0) {
    place.firstEnd = offset
    place.firstLines = lines
  }
  place.lines = lines
}

/** What a scan of lines carries from one part to the next. */
interface Lines {
  count: number
  /** Whether the part before ended with \r: then it is not known yet whether a \n belongs to it. */
  afterReturn: boolean
}

function plainScanner(): Scanner {
  const lines: Lines = { count: 0, afterReturn: false }
  return (part, place) => scanLines(part, place, lines)
}

/** Every line end is the end of a row. Mostly there is no \r, and the rest is a search for \n. */
function scanLines(part: Uint8Array, place: Place, lines: Lines): number {
  let end = -1
  let i = 0
  place.firstEnd = -1
  if (lines.afterReturn && part.length > 0) {
    lines.afterReturn = false
    end = i = part[0] === NEWLINE ? 1 : 0
    endAt(place, end, ++lines.count)
  }
  if (part.indexOf(RETURN, i) === -1) {
    for (let at = part.indexOf(NEWLINE, i); at !== -1; at = part.indexOf(NEWLINE, end)) {
      end = at + 1
      endAt(place, end, ++lines.count)
    }
    return end
  }
  for (; i < part.length; i++) {
    const byte = part[i]
    if (byte !== NEWLINE && byte !== RETURN) continue
    if (byte === RETURN) {
      if (i + 1 === part.length) {
        lines.afterReturn = true
        break
      }
      if (part[i + 1] === NEWLINE) i++
    }
    end = i + 1
    endAt(place, end, ++lines.count)
  }
  return end
}

const fieldStart = 0
const plain = 1
const quoted = 2
const quoteSeen = 3
const escaped = 4

/**
 * The same byte by byte, with quotes. A quote opens a field only where the field begins, spaces aside. All of the
 * characters that matter are ASCII, so UTF-8 needs no decoding here.
 */
function quotedScanner({ delimiter, quotes }: Dialect): Scanner {
  const comma = delimiter.charCodeAt(0)
  const escape = quotes === 'backslash' ? BACKSLASH : -1
  const lines: Lines = { count: 0, afterReturn: false }
  let state = fieldStart
  let quoteLine = 0
  return (part, place) => {
    if (state !== quoted && state !== escaped && !part.includes(QUOTE)) {
      state = stateAfter(part, comma, state)
      place.isOpen = false
      return scanLines(part, place, lines)
    }
    let end = -1
    place.firstEnd = -1
    for (let i = 0; i < part.length; i++) {
      const byte = part[i]
      if (lines.afterReturn) {
        lines.afterReturn = false
        lines.count++
        if (state !== quoted) {
          end = byte === NEWLINE ? i + 1 : i
          endAt(place, end, lines.count)
        }
        if (byte === NEWLINE) continue
      }
      if (state === quoted) {
        if (byte === QUOTE) state = quoteSeen
        else if (byte === escape) state = escaped
        else if (byte === NEWLINE) lines.count++
        else if (byte === RETURN) lines.afterReturn = true
      } else if (byte === NEWLINE && state !== escaped) {
        lines.count++
        state = fieldStart
        end = i + 1
        endAt(place, end, lines.count)
      } else if (byte === RETURN && state !== escaped) {
        state = fieldStart
        lines.afterReturn = true
      } else if (state === escaped) {
        state = quoted
        if (byte === NEWLINE) lines.count++
        else if (byte === RETURN) lines.afterReturn = true
      } else if (byte === QUOTE && state !== plain) {
        if (state === fieldStart) quoteLine = lines.count
        state = quoted
      } else if (byte === comma) state = fieldStart
      else if (byte !== SPACE || state !== fieldStart) state = plain
    }
    place.isOpen = state === quoted || state === escaped
    place.quoteLine = quoteLine
    return end
  }
}

/** The state after a part without quotes: a field begins where nothing but spaces has come since the last separator. */
function stateAfter(part: Uint8Array, comma: number, before: number): number {
  let i = part.length - 1
  while (i >= 0 && part[i] === SPACE) i--
  if (i < 0) return part.length === 0 || before === fieldStart ? before : plain
  return part[i] === comma || part[i] === NEWLINE || part[i] === RETURN ? fieldStart : plain
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  // Of its own, so that it can be handed over, and not filled with zeros first: every byte is written below.
  const whole = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
