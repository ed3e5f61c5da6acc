/** One reader a format: bytes → raw records with their line. What a good row is, readRows decides. */
import { pipeline, Readable } from 'node:stream'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { parse } from 'csv-parse'
import { type Compressors, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet'
import { Fault } from '../../domain/faults.ts'
import type { Columns } from './columns.ts'
import { type Line, readLines } from './lines.ts'
import { reason } from './source.ts'

/** A record as the format gives it, or why there is none. */
export type Raw =
  | { readonly line: number; readonly text: unknown; readonly label: unknown }
  | { readonly line: number; readonly bad: string }

export interface Asked {
  /** Called once with the names of all columns, before the first record. */
  readonly choose: (names: readonly string[]) => Columns
  /** False: there is no header, the columns are called 1, 2, 3 … */
  readonly header: boolean
  readonly rowBytesMax: number
}

export type Format = 'csv' | 'tsv' | 'jsonl' | 'parquet'

/**
 * RFC 4180, with `,` `;` or `|` between the fields: the one that the header has most of.
 *
 * The parser is given Latin-1, in which a character is a byte, so that a field that is not UTF-8 can be told
 * from one that holds U+FFFD.
 */
export async function* readCsv(bytes: AsyncIterable<Uint8Array>, asked: Asked): AsyncGenerator<Raw[]> {
  const { first, all } = await peek(bytes)
  const head = Buffer.from(first).toString('latin1')
  let skipped: Raw[] = []
  const parser = parse({
    delimiter: delimiterOf(head),
    encoding: 'latin1',
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: asked.rowBytesMax,
    on_skip: (error) => {
      const line = lineOf(error)
      // Each of the quotes in a broken row is reported; one report a row is enough.
      if (skipped.at(-1)?.line !== line)
        skipped.push({ line, bad: 'a quote inside of an unquoted field, or text after a closing quote' })
    },
  })
  // A failure of the source destroys the parser with it, and so reaches the loop below.
  pipeline(Readable.from(all, { objectMode: false }), parser, () => {})
  let at: { width: number; text: number; label: number } | undefined
  let batch: Raw[] = []
  try {
    for await (const { record, info } of parser as AsyncIterable<CsvRecord>) {
      if (!at) {
        const names = asked.header
          ? record.map((name) => decodeLatin1(name) ?? '')
          : record.map((_, i) => String(i + 1))
        const chosen = asked.choose(names)
        at = { width: names.length, text: names.indexOf(chosen.text), label: names.indexOf(chosen.label) }
        if (asked.header) continue
      }
      const line = info.lines - newlines(record)
      batch.push(...skipped)
      skipped = []
      batch.push(fields(record, line, at))
      if (batch.length >= 512) {
        yield batch
        batch = []
      }
    }
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('data_broken', { say: `The CSV cannot be read: ${reason(cause)}. Is a quote left open?`, cause })
  }
  yield [...batch, ...skipped]
}

interface CsvRecord {
  readonly record: string[]
  readonly info: { readonly lines: number }
}

function fields(record: readonly string[], line: number, at: { width: number; text: number; label: number }): Raw {
  if (record.length !== at.width) return { line, bad: `${record.length} fields, expected ${at.width}` }
  const text = decodeLatin1(record[at.text])
  const label = decodeLatin1(record[at.label])
  return text === undefined || label === undefined ? { line, bad: 'not valid UTF-8' } : { line, text, label }
}

/** Tab-separated: one record a line, no quoting but whole fields in quotes with inner ones doubled, as pandas writes them. */
export async function* readTsv(bytes: AsyncIterable<Uint8Array>, asked: Asked): AsyncGenerator<Raw[]> {
  let at: { width: number; text: number; label: number } | undefined
  for await (const lines of readLines(bytes, asked.rowBytesMax)) {
    const batch: Raw[] = []
    for (const line of lines) {
      if (line.text === undefined) {
        batch.push(unreadable(line))
        continue
      }
      if (line.text === '') continue
      const record = line.text.split('\t')
      if (!at) {
        const names = asked.header ? record.map(unquote) : record.map((_, i) => String(i + 1))
        const chosen = asked.choose(names)
        at = { width: names.length, text: names.indexOf(chosen.text), label: names.indexOf(chosen.label) }
        if (asked.header) continue
      }
      batch.push(
        record.length === at.width
          ? { line: line.line, text: unquote(record[at.text]), label: unquote(record[at.label]) }
          : { line: line.line, bad: `${record.length} fields, expected ${at.width}` },
      )
    }
    yield batch
  }
}

/** One JSON object a line; the columns are the keys of the first one. */
export async function* readJsonl(bytes: AsyncIterable<Uint8Array>, asked: Asked): AsyncGenerator<Raw[]> {
  let columns: Columns | undefined
  for await (const lines of readLines(bytes, asked.rowBytesMax)) {
    const batch: Raw[] = []
    for (const line of lines) {
      if (line.text === undefined) {
        batch.push(unreadable(line))
        continue
      }
      if (line.text.trim() === '') continue
      const value = parseJson(line.text)
      if (value === undefined) {
        batch.push({ line: line.line, bad: 'not valid JSON' })
      } else if (value === null || typeof value !== 'object' || Array.isArray(value)) {
        batch.push({ line: line.line, bad: 'not a JSON object' })
      } else {
        const record = new Map<string, unknown>(Object.entries(value))
        columns ??= asked.choose([...record.keys()])
        batch.push({ line: line.line, text: record.get(columns.text), label: record.get(columns.label) })
      }
    }
    yield batch
  }
}

/** Rows of a Parquet file are read by 50,000, only the two columns. `line` is the number of the row. */
export async function* readParquet(bytes: AsyncIterable<Uint8Array>, asked: Asked): AsyncGenerator<Raw[]> {
  const whole = await collect(bytes, PARQUET_BYTES_MAX)
  const file = { byteLength: whole.byteLength, slice: async (start: number, end?: number) => whole.slice(start, end) }
  try {
    const metadata = await parquetMetadataAsync(file)
    const columns = asked.choose(parquetSchema(metadata).children.map((child) => child.element.name))
    const rows = Number(metadata.num_rows)
    for (let start = 0; start < rows; start += PARQUET_ROWS) {
      const records = await parquetReadObjects({
        file,
        metadata,
        columns: [columns.text, columns.label],
        rowStart: start,
        rowEnd: Math.min(rows, start + PARQUET_ROWS),
        compressors,
      })
      yield records.map((record, i) => ({
        line: start + i + 1,
        text: record[columns.text],
        label: record[columns.label],
      }))
    }
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('data_broken', { say: `The Parquet file cannot be read: ${reason(cause)}.`, cause })
  }
}

const PARQUET_ROWS = 50_000
const PARQUET_BYTES_MAX = 1024 ** 3

/** What Node unpacks by itself, beside Snappy, which the reader brings along. */
const compressors: Compressors = {
  GZIP: (input) => gunzipSync(input),
  ZSTD: (input) => zstdDecompressSync(input),
  BROTLI: (input) => brotliDecompressSync(input),
}

async function collect(bytes: AsyncIterable<Uint8Array>, bytesMax: number): Promise<ArrayBuffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of bytes) {
    chunks.push(chunk)
    length += chunk.length
    if (length > bytesMax) throw new Fault('data_broken', { say: `A Parquet file may have at most ${bytesMax} bytes.` })
  }
  const whole = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole.buffer
}

async function peek(bytes: AsyncIterable<Uint8Array>): Promise<{ first: Uint8Array; all: AsyncIterable<Uint8Array> }> {
  const iterator = bytes[Symbol.asyncIterator]()
  const start = await iterator.next()
  const first = start.done ? new Uint8Array(0) : withoutMark(start.value)
  async function* all(): AsyncGenerator<Uint8Array> {
    yield first
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
  }
  return { first, all: all() }
}

function withoutMark(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes
}

function delimiterOf(head: string): string {
  const header = head.slice(0, (head.indexOf('\n') + 1 || head.length + 1) - 1).replace(/"[^"]*"/g, '')
  const counts = [',', ';', '|'].map((delimiter) => ({ delimiter, count: header.split(delimiter).length }))
  return counts.reduce((best, next) => (next.count > best.count ? next : best)).delimiter
}

/** A string whose characters are bytes → the text that the bytes spell in UTF-8; undefined where they spell none. */
function decodeLatin1(field: string): string | undefined {
  if (!/[\x80-\xff]/.test(field)) return field
  try {
    return utf8.decode(Buffer.from(field, 'latin1'))
  } catch {
    return undefined
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** How many line ends lie inside of the fields: the record began so many lines before its end. */
function newlines(record: readonly string[]): number {
  let count = 0
  for (const field of record) for (let at = field.indexOf('\n'); at !== -1; at = field.indexOf('\n', at + 1)) count++
  return count
}

function lineOf(error: unknown): number {
  return error instanceof Error && 'lines' in error && typeof error.lines === 'number' ? error.lines : 0
}

function unquote(field: string): string {
  if (field.length < 2 || !field.startsWith('"') || !field.endsWith('"')) return field
  const inner = field.slice(1, -1)
  return inner.replaceAll('""', '').includes('"') ? field : inner.replaceAll('""', '"')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function unreadable(line: Line): Raw {
  return { line: line.line, bad: line.bad ?? 'unreadable' }
}
