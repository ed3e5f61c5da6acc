/** One block of a file → its rows. Every reader of files goes through here, on whichever thread. */
import { isAscii, isUtf8 } from 'node:buffer'
import type { Block, Layout } from './layout.ts'

/** A row as the file has it, or why it could not be read. */
export interface FileRow {
  /** Line of the file on which the row begins; of Parquet the number of the row. */
  readonly line: number
  /** Of the columns that were asked for, in their order; undefined where the row lacks one. */
  readonly values: readonly unknown[]
  readonly bad: string | null
}

export interface BlockRows {
  readonly rows: readonly FileRow[]
  /** Rows of nothing: empty lines, and rows of which all fields are empty. */
  readonly blank: number
  /** The line of the first row whose bytes are not valid in the file's encoding; 0 where there is none. */
  readonly undecodable: number
  /** The row that spans the most lines of those that span more than LINES_LONG; null where none does. */
  readonly longest: { readonly line: number; readonly lines: number } | null
}

/** A row of more lines than this is likely to have swallowed others. */
const LINES_LONG = 100

/** A block, as far as it was read. */
interface Progress {
  readonly buffer: Buffer
  readonly layout: Layout
  /** What decodes fields: a block of ASCII needs no more. */
  readonly charset: 'latin1' | 'utf8'
  /** Whether the whole block is valid UTF-8, so that no row needs to be looked at. */
  readonly isValid: boolean
  readonly rows: FileRow[]
  blank: number
  undecodable: number
  longest: { readonly line: number; readonly lines: number } | null
}

/**
 * Rows in the order of the file. What is not read is among them with a reason, or counted as blank.
 *
 * @param wanted names of columns or keys; null of JSON lines: each row's one value is the whole object
 */
export function rowsOf(block: Block, layout: Layout, wanted: readonly string[] | null): BlockRows {
  const { bytes, firstLine } = block
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const ascii = isAscii(buffer)
  const progress: Progress = {
    buffer,
    layout,
    charset: ascii ? 'latin1' : 'utf8',
    isValid: ascii || isUtf8(buffer),
    rows: [],
    blank: 0,
    undecodable: 0,
    longest: null,
  }
  if (block.isTooLong) progress.rows.push({ line: firstLine, values: [], bad: tooLong(layout) })
  else if (layout.format === 'jsonl') readLines(progress, firstLine, objectReader(wanted))
  else if (layout.format === 'txt') readLines(progress, firstLine, (text) => ({ values: [text], bad: null }))
  else readTable(progress, firstLine, wanted ?? layout.columns)
  return progress
}

function tooLong({ rowBytesMax }: Layout): string {
  return `longer than ${rowBytesMax} bytes`
}

const NEWLINE = 10
const RETURN = 13
const SPACE = 32
const QUOTE = 34
const BACKSLASH = 92

type Read = Pick<FileRow, 'values' | 'bad'>

/** One row a line: \n, \r\n or a lone \r ends it. */
function readLines(progress: Progress, firstLine: number, read: (text: string) => Read): void {
  const { buffer, charset, rows, layout } = progress
  let line = firstLine
  let returned = buffer.indexOf(RETURN)
  for (let from = 0; from < buffer.length; line++) {
    let newline = buffer.indexOf(NEWLINE, from)
    if (newline === -1) newline = buffer.length
    if (returned !== -1 && returned < from) returned = buffer.indexOf(RETURN, from)
    const isReturn = returned !== -1 && returned < newline
    const end = isReturn ? returned : newline
    const next = isReturn && returned + 1 < newline ? returned + 1 : newline + 1
    if (end - from > layout.rowBytesMax) rows.push({ line, values: [], bad: tooLong(layout) })
    else if (!isReadable(progress, from, end)) rows.push(undecodable(progress, line))
    else {
      const text = buffer.toString(charset, from, end)
      if (isBlank(text)) progress.blank++
      else {
        const { values, bad } = read(text)
        rows.push({ line, values, bad })
      }
    }
    from = next
  }
}

/** The whole string is trimmed only where it begins with a space: that is rare. */
function isBlank(text: string): boolean {
  return text.length === 0 || (text.charCodeAt(0) <= SPACE && text.trim() === '')
}

function isReadable({ isValid, buffer }: Progress, from: number, to: number): boolean {
  return isValid || isUtf8(buffer.subarray(from, to))
}

function undecodable(progress: Progress, line: number): FileRow {
  if (progress.undecodable === 0) progress.undecodable = line
  return { line, values: [], bad: `not valid ${progress.layout.encoding.toUpperCase()}` }
}

function objectReader(wanted: readonly string[] | null): (text: string) => Read {
  return (text) => {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      return { values: [], bad: 'not valid JSON' }
    }
    if (!isObject(value)) return { values: [], bad: 'not a JSON object' }
    return { values: wanted === null ? [value] : wanted.map((key) => valueAt(value, key)), bad: null }
  }
}

/** The value of a key; `a.b` is also the key `b` of the object `a`. */
export function valueAt(object: Readonly<Record<string, unknown>>, key: string): unknown {
  if (Object.hasOwn(object, key)) return object[key]
  const dot = key.indexOf('.')
  if (dot === -1) return undefined
  const inner = Object.hasOwn(object, key.slice(0, dot)) ? object[key.slice(0, dot)] : undefined
  return isObject(inner) ? valueAt(inner, key.slice(dot + 1)) : undefined
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** How the bytes between the ends of a field spell its value. */
const asWritten = 0
const doubledQuotes = 1
const backslashes = 2

/** The fields of the row that is read now, of the columns that the table has. */
interface Fields {
  /** How many the row has, which may be more than the table has columns. */
  count: number
  readonly start: Int32Array
  readonly end: Int32Array
  readonly spelling: Uint8Array
  /** Whether a field beyond the last named column holds something. */
  isWider: boolean
  /** Whether any field holds something. */
  isFilled: boolean
  /** Where the row ends, and where the next one begins. */
  to: number
  next: number
  /** Lines that end within the row or at its end. */
  lines: number
  /** Lines after the first at which the first broken quote opens, and closes; −1 where no quote is broken. */
  brokenAt: number
  closedAt: number
}

function readTable(progress: Progress, firstLine: number, wanted: readonly string[]): void {
  const { buffer, layout, rows } = progress
  const { columns } = layout
  const places = wanted.map((name) => columns.indexOf(name))
  // Columns without a name at the end come of a delimiter at the end of each line.
  let width = columns.length
  while (width > 1 && columns[width - 1] === '') width--
  const fields = startFields(width)
  let line = firstLine
  for (let from = 0; from < buffer.length; ) {
    readFields(buffer, from, layout, fields)
    const lines = fields.lines
    if (fields.brokenAt >= 0 && lines > 1) refuseLines(progress, from, line, fields)
    else if (!fields.isFilled) progress.blank++
    else if (fields.to - from > layout.rowBytesMax) rows.push({ line, values: [], bad: tooLong(layout) })
    else if (!isReadable(progress, from, fields.to)) rows.push(undecodable(progress, line))
    else if (fields.count < width && isBlank(buffer.toString(progress.charset, from, fields.to))) progress.blank++
    else
      rows.push({ line, values: places.map((place) => valueOf(progress, fields, place)), bad: faultOf(fields, width) })
    if (lines > LINES_LONG && lines > (progress.longest?.lines ?? 0)) progress.longest = { line, lines }
    line += lines
    from = fields.next
  }
}

function startFields(width: number): Fields {
  return {
    count: 0,
    start: new Int32Array(width),
    end: new Int32Array(width),
    spelling: new Uint8Array(width),
    isWider: false,
    isFilled: false,
    to: 0,
    next: 0,
    lines: 0,
    brokenAt: -1,
    closedAt: -1,
  }
}

function faultOf({ count, isWider, brokenAt, closedAt }: Fields, width: number): string | null {
  if (brokenAt >= 0 && closedAt < 0)
    return 'a quote opens here and is never closed; inside of a quoted field a quote is written twice'
  if (count >= width && !isWider) return null
  const quote =
    brokenAt >= 0 ? '; there is text after a closing quote: inside of a quoted field a quote is written twice' : ''
  return `${count} ${count === 1 ? 'field' : 'fields'}, expected ${width}${quote}`
}

/** A quote that was opened by mistake takes whole lines with it: each of them is refused for itself. */
function refuseLines(progress: Progress, from: number, firstLine: number, fields: Fields): void {
  const { buffer, rows } = progress
  const opened = firstLine + fields.brokenAt
  const closed =
    fields.closedAt < 0 ? 'is never closed' : `closes in line ${firstLine + fields.closedAt} before more text`
  const here = `a quote opens here and ${closed}; inside of a quoted field a quote is written twice`
  const inside = `inside of the quote that opens in line ${opened} and ${closed}`
  let line = firstLine
  const to = Math.min(fields.next, buffer.length)
  for (let at = from; at < to; line++) {
    let end = at
    while (end < to && buffer[end] !== NEWLINE && buffer[end] !== RETURN) end++
    if (isBlank(buffer.toString('latin1', at, Math.min(end, at + 64)))) progress.blank++
    else rows.push({ line, values: [], bad: line === opened ? here : inside })
    at = buffer[end] === RETURN && buffer[end + 1] === NEWLINE ? end + 2 : end + 1
  }
}

function valueOf({ buffer, charset, layout }: Progress, fields: Fields, place: number): string | undefined {
  if (place < 0 || place >= fields.count || place >= fields.start.length) return undefined
  const text = buffer.toString(charset, fields.start[place], fields.end[place])
  switch (fields.spelling[place]) {
    case doubledQuotes:
      return text.replaceAll('""', '"')
    case backslashes:
      return text.replaceAll(/\\([\\"])|""/g, (_, one: string | undefined) => one ?? '"')
    default:
      return layout.quotes === 'whole-field' ? unquoted(text) : text
  }
}

/** A whole field in quotes with inner ones doubled, as pandas writes it; anything else keeps its quotes. */
export function unquoted(field: string): string {
  if (field.length < 2 || field.charCodeAt(0) !== QUOTE || !field.endsWith('"')) return field
  const inner = field.slice(1, -1)
  return inner.replaceAll('""', '').includes('"') ? field : inner.replaceAll('""', '"')
}

/**
 * The first row that holds something: its fields, and where the next one begins.
 *
 * @returns null where there is none
 */
export function firstRow(
  bytes: Uint8Array,
  layout: Layout,
  columnsMax: number,
): { fields: string[]; count: number; to: number; next: number; lines: number; isBroken: boolean } | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const progress: Progress = {
    buffer,
    layout,
    charset: 'utf8',
    isValid: true,
    rows: [],
    blank: 0,
    undecodable: 0,
    longest: null,
  }
  const fields = startFields(columnsMax)
  let lines = 0
  for (let from = 0; from < buffer.length; from = fields.next) {
    readFields(buffer, from, layout, fields)
    lines += fields.lines
    if (!fields.isFilled || isBlank(buffer.toString('utf8', from, fields.to))) continue
    const names = Array.from(
      { length: Math.min(columnsMax, fields.count) },
      (_, k) => valueOf(progress, fields, k) ?? '',
    )
    const { count, to, next } = fields
    return { fields: names, count, to, next, lines, isBroken: fields.brokenAt >= 0 && fields.closedAt < 0 }
  }
  return null
}

/** Reads the row at `from` into `fields`. It ends where the blocks are cut: both know the same rules. */
function readFields(buffer: Buffer, from: number, layout: Layout, fields: Fields): void {
  const length = buffer.length
  const comma = layout.delimiter.charCodeAt(0)
  const hasQuotes = layout.quotes !== 'whole-field'
  fields.count = fields.lines = 0
  fields.isWider = fields.isFilled = false
  fields.brokenAt = fields.closedAt = -1
  let at = from
  for (;;) {
    const start = at
    let spelling = asWritten
    let valueStart = start
    let valueEnd = -1
    if (hasQuotes) {
      let quote = at
      while (quote < length && buffer[quote] === SPACE) quote++
      if (quote < length && buffer[quote] === QUOTE) {
        const close = endOfQuoted(buffer, quote + 1, layout.quotes === 'backslash', fields)
        at = close.end
        if (close.isClosed) {
          while (at < length && buffer[at] === SPACE) at++
          const byte = at < length ? buffer[at] : NEWLINE
          if (byte === comma || byte === NEWLINE || byte === RETURN) {
            valueStart = quote + 1
            valueEnd = close.end - 1
            spelling = close.spelling
          } else if (fields.brokenAt < 0) {
            // Text after a closing quote: the field is taken as it is written, if it is one line.
            fields.brokenAt = close.openedAt
            fields.closedAt = fields.lines
          }
        } else {
          fields.brokenAt = close.openedAt
          fields.closedAt = -1
        }
      }
    }
    while (at < length) {
      const byte = buffer[at]
      if (byte === comma || byte === NEWLINE || byte === RETURN) break
      at++
    }
    if (valueEnd < 0) valueEnd = at
    if (valueEnd > valueStart) fields.isFilled = true
    const k = fields.count++
    if (k < fields.start.length) {
      fields.start[k] = valueStart
      fields.end[k] = valueEnd
      fields.spelling[k] = spelling
    } else if (valueEnd > valueStart) fields.isWider = true
    if (at < length && buffer[at] === comma) {
      at++
      continue
    }
    fields.to = at
    fields.next = buffer[at] === RETURN && buffer[at + 1] === NEWLINE ? at + 2 : at + 1
    fields.lines++
    return
  }
}

interface Quoted {
  /** After the closing quote, or the end of the block. */
  readonly end: number
  readonly isClosed: boolean
  readonly spelling: number
  /** Lines of the row before the quote opened. */
  readonly openedAt: number
}

/** From after the opening quote; counts the lines that end inside. */
function endOfQuoted(buffer: Buffer, from: number, hasBackslashes: boolean, fields: Fields): Quoted {
  const openedAt = fields.lines
  let spelling = asWritten
  let i = from
  while (i < buffer.length) {
    const byte = buffer[i]
    if (byte === QUOTE) {
      if (buffer[i + 1] !== QUOTE) return { end: i + 1, isClosed: true, spelling, openedAt }
      spelling = Math.max(spelling, doubledQuotes)
      i += 2
    } else if (byte === NEWLINE) {
      fields.lines++
      i++
    } else if (byte === RETURN) {
      fields.lines++
      i += buffer[i + 1] === NEWLINE ? 2 : 1
    } else if (hasBackslashes && byte === BACKSLASH) {
      spelling = backslashes
      // A line end after a backslash is counted as any other.
      i += buffer[i + 1] === QUOTE || buffer[i + 1] === BACKSLASH ? 2 : 1
    } else i++
  }
  return { end: buffer.length, isClosed: false, spelling, openedAt }
}
