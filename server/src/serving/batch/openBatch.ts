/** A file or standard input, opened for a batch: its format, its columns, and its chunks. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { extname } from 'node:path'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { Fault } from '../../domain/faults.ts'
import { TEXT_NAMES } from '../../ingest/files/columns.ts'
import { chunkLimits, chunksOf, liveLimits } from './chunks.ts'
import type { BatchPlan, Chunk, InputFormat } from './plan.ts'
import { headerOf } from './records.ts'

export interface BatchWish {
  /** A path, or `-` for the stream `stdin`. */
  readonly path: string
  readonly stdin: AsyncIterable<Uint8Array>
  readonly format: InputFormat | null
  readonly text: string | null
  readonly keep: readonly string[]
}

export interface OpenBatch {
  readonly layout: Pick<BatchPlan, 'input' | 'delimiter' | 'columns' | 'text' | 'keep'>
  readonly chunks: AsyncIterable<Chunk>
  /** Of the file as it lies on disk; null for standard input. */
  readonly bytesTotal: number | null
  bytesRead(): number
}

const endings: Readonly<Record<string, InputFormat>> = {
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.tab': 'tsv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.txt': 'txt',
  '.log': 'txt',
}

/** A header, and the first record of JSONL, must lie within this. */
const HEAD_BYTES = 1 << 16

/**
 * Opens the input and reads its first bytes. gzip is unpacked, a byte-order mark dropped.
 *
 * @throws Fault data_broken for a file that is not there, a column that does not exist, or one that must be named.
 */
export async function openBatch(wish: BatchWish): Promise<OpenBatch> {
  const input = wish.format ?? formatOf(wish.path)
  const bytesTotal = wish.path === '-' ? null : await sizeOf(wish.path)
  let bytesRead = 0
  const counted = tapped(
    wish.path === '-' ? wish.stdin : createReadStream(wish.path, { highWaterMark: 1 << 18 }),
    (n) => {
      bytesRead += n
    },
  )
  const { head, rest } = await peek(await unpacked(counted))
  const layout = layoutOf(head, input, wish)
  const limits = wish.path === '-' ? liveLimits : chunkLimits
  return {
    layout,
    chunks: chunksOf(dropped(rest, layout.headerBytes), input, layout.delimiter, layout.headerLines + 1, limits),
    bytesTotal,
    bytesRead: () => bytesRead,
  }
}

function formatOf(path: string): InputFormat {
  if (path === '-') return 'txt'
  const format = endings[extname(path.toLowerCase().replace(/\.gz$/, ''))]
  if (format) return format
  throw new Fault('data_broken', {
    say: `What kind of file is ${path}? Known endings: ${Object.keys(endings).join(' ')}, each also with .gz; or say --format.`,
  })
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch((cause: unknown) => {
    const why =
      cause instanceof Error && 'code' in cause && cause.code === 'ENOENT' ? 'there is no such file' : String(cause)
    throw new Fault('data_broken', { say: `The file ${path} cannot be read: ${why}.`, cause })
  })
  if (found.isDirectory()) throw new Fault('data_broken', { say: `${path} is a folder, not a file.` })
  return found.size
}

type Layout = OpenBatch['layout'] & { readonly headerBytes: number; readonly headerLines: number }

function layoutOf(head: Uint8Array, input: InputFormat, wish: BatchWish): Layout {
  const mark = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0
  const none = { input, delimiter: ',', columns: [], keep: wish.keep, headerBytes: mark, headerLines: 0 }
  const body = head.subarray(mark)
  switch (input) {
    case 'txt':
      if (wish.keep.length > 0) throw new Fault('data_broken', { say: 'Plain text has no columns that could be kept.' })
      return { ...none, text: '' }
    case 'jsonl': {
      const first = new TextDecoder()
        .decode(body)
        .split('\n')
        .find((line) => line.trim() !== '')
      return { ...none, text: first === undefined ? 'text' : chooseText(keysOf(first), wish.text) }
    }
    case 'csv':
    case 'tsv': {
      const delimiter = input === 'tsv' ? '\t' : delimiterOf(body)
      const { columns, bytes, lines } = headerOf(body, input, delimiter)
      for (const name of wish.keep) if (!columns.includes(name)) throw missing(name, columns)
      const text = chooseText(columns, wish.text)
      return { ...none, delimiter, columns, text, headerBytes: mark + bytes, headerLines: lines }
    }
    default:
      return input satisfies never
  }
}

/** The character that the first line has most of: `,` `;` or `|`. */
function delimiterOf(head: Uint8Array): string {
  const line = new TextDecoder().decode(head).split('\n', 1)[0]
  const count = (mark: string) => line.split(mark).length
  return [',', ';', '|'].reduce((best, mark) => (count(mark) > count(best) ? mark : best))
}

function keysOf(line: string): string[] {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? Object.keys(value) : []
  } catch {
    return []
  }
}

function chooseText(names: readonly string[], wish: string | null): string {
  if (wish !== null) {
    if (names.length > 0 && !names.includes(wish)) throw missing(wish, names)
    return wish
  }
  const known = TEXT_NAMES.find((name) => names.includes(name))
  if (known !== undefined) return known
  if (names.length === 1) return names[0]
  throw new Fault('data_broken', {
    say: `Which column is the text? Name it with --text-column; there are ${listed(names)}.`,
  })
}

function missing(name: string, names: readonly string[]): Fault {
  return new Fault('data_broken', { say: `There is no column “${name}”; there are ${listed(names)}.` })
}

function listed(names: readonly string[]): string {
  return names.length === 0
    ? 'none'
    : names
        .slice(0, 20)
        .map((name) => `“${name}”`)
        .join(', ')
}

async function* tapped(bytes: AsyncIterable<Uint8Array>, count: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for await (const part of bytes) {
    count(part.length)
    yield part
  }
}

/** gzip by its first two bytes, whatever the name says. */
async function unpacked(bytes: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const { head, rest } = await peek(bytes, 2)
  return head[0] === 0x1f && head[1] === 0x8b ? inflated(rest) : rest
}

async function* inflated(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    // The pipeline's own callback has nothing to add: a failure reaches the reader through the stream.
    yield* pipeline(Readable.from(bytes, { objectMode: false }), createGunzip({ chunkSize: 1 << 18 }), () => {})
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Fault('data_broken', { say: `The gzip data cannot be unpacked: ${why}.`, cause })
  }
}

/** At least `bytesMin` of the stream (less only where it has less), and the whole stream again. */
async function peek(
  bytes: AsyncIterable<Uint8Array>,
  bytesMin = HEAD_BYTES,
): Promise<{ head: Uint8Array; rest: AsyncIterable<Uint8Array> }> {
  const iterator = bytes[Symbol.asyncIterator]()
  const parts: Uint8Array[] = []
  let length = 0
  while (length < bytesMin) {
    const next = await iterator.next()
    if (next.done) break
    parts.push(next.value)
    length += next.value.length
  }
  async function* again(): AsyncGenerator<Uint8Array> {
    yield* parts
    yield* { [Symbol.asyncIterator]: () => iterator }
  }
  return { head: Buffer.concat(parts), rest: again() }
}

async function* dropped(bytes: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count
  for await (const part of bytes) {
    const from = Math.min(left, part.length)
    left -= from
    if (from < part.length) yield part.subarray(from)
  }
}
