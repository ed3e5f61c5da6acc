/** A file of rows, or a stream of them, opened: what it is, how it is laid out, and its blocks. */
import { isUtf8 } from 'node:buffer'
import { extname } from 'node:path'
import { Fault } from '../../domain/faults.ts'
import { blocksOf, wholeRows } from './blocks.ts'
import { TEXT_NAMES } from './columns.ts'
import { decoded, type Encoding, notUtf8 } from './encoding.ts'
import type { Block, Format, Layout, TextFormat } from './layout.ts'
import { firstRow, rowsOf } from './rows.ts'
import { peek, readSource, type Source } from './source.ts'

export interface FileWish {
  /** By the name's ending, or else by what the file begins with. */
  readonly format?: Format | undefined
  /** By its byte order mark, or else UTF-8. */
  readonly encoding?: string | undefined
  /** Tables: false where the first line is a row already; the columns are then called 1, 2, 3 … */
  readonly header?: boolean | undefined
  readonly rowBytesMax?: number | undefined
  /** A block holds at least so many bytes, where there are as many. */
  readonly blockBytes?: number | undefined
  /** False where nobody asks for `sha256()`. */
  readonly isHashed?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

export interface OpenFile {
  readonly format: Format
  readonly layout: Layout
  readonly encoding: Encoding
  /** What was concluded from the file's first bytes, in words for the person. */
  readonly notes: readonly string[]
  /** To be iterated once. Of Parquet only the wanted columns are read. */
  readonly blocks: (wanted: readonly string[]) => AsyncIterable<Block>
  /** As it lies on disk; null for a stream. */
  readonly bytesTotal: number | null
  readonly bytesRead: () => number
  /** Of the file as it lies on disk, once it has been read. */
  readonly sha256: () => string
}

/** Of a text longer than this is nothing scored or learned. */
export const ROW_BYTES_MAX = 16 * 1024 ** 2
/** A megabyte is about 50 ms of scoring: long enough that handing it over costs nothing, short enough for progress. */
const BLOCK_BYTES = 1 << 20
/** The header must lie within it; delimiter, dialect and encoding are judged by it. */
const HEAD_BYTES = 1 << 18
const COLUMNS_MAX = 10_000
/** So many objects of JSON lines are asked for their keys. */
const OBJECTS_ASKED = 100

const endings: Readonly<Record<string, Format>> = {
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.tab': 'tsv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.txt': 'txt',
  '.log': 'txt',
  '.parquet': 'parquet',
}

/**
 * Opens a source and reads its first bytes.
 *
 * @throws Fault data_broken for what cannot be read at all: no known format, no text, another encoding than it seems.
 */
export async function openFile(source: Source, wish: FileWish = {}): Promise<OpenFile> {
  const reading = readSource(source, { isHashed: wish.isHashed ?? true, signal: wish.signal })
  const { head: magic, all } = await peek(reading.bytes, 4)
  const format = wish.format ?? formatOf(source.path, magic)
  const facts = { bytesTotal: source.bytesTotal, bytesRead: reading.bytesRead, sha256: reading.sha256 }
  const rowBytesMax = wish.rowBytesMax ?? ROW_BYTES_MAX
  if (format === 'parquet') {
    // Most files are something else, and need not wait for its thirty modules.
    const { openParquet } = await import('./parquet.ts')
    const { columns, blocks } = await openParquet(all)
    const layout: Layout = { ...lines, format: 'jsonl', columns, encoding: 'utf-8', rowBytesMax }
    return { ...facts, format, layout, encoding: { name: 'utf-8', by: 'mark' }, notes: [], blocks }
  }
  const { encoding, bytes } = await decoded(all, wish.encoding)
  // What comes from a pipe is passed on as it comes: so no more is waited for than a line.
  const isLive = source.path === '-'
  const {
    head,
    isWhole,
    all: text,
  } = await peek(bytes, (part, total) => total >= HEAD_BYTES || (isLive && (part.includes(10) || part.includes(13))))
  if (encoding.by === 'assumed') checkUtf8(head, isWhole)
  const known = { encoding: encoding.name, rowBytesMax }
  const found = layoutOf(head, isWhole, format, wish, known)
  const rest = found.skip.bytes === 0 ? text : after(text, found.skip.bytes)
  const blockBytes = wish.blockBytes ?? (isLive ? 1 : BLOCK_BYTES)
  return {
    ...facts,
    format: found.layout.format,
    layout: found.layout,
    encoding,
    notes: found.notes,
    blocks: () => blocksOf(rest, found.layout, blockBytes, 1 + found.skip.lines),
  }
}

function formatOf(path: string, magic: Uint8Array): Format {
  if (Buffer.from(magic.subarray(0, 4)).toString('latin1') === 'PAR1') return 'parquet'
  if (path === '-') return 'txt'
  const format = endings[extname(path.toLowerCase().replace(/\.(gz|zst)$/, ''))]
  if (format !== undefined) return format
  if (magic[0] === 0x7b) return 'jsonl'
  throw new Fault('data_broken', {
    say: `What kind of data is ${path}? Known endings: ${Object.keys(endings).join(' ')}, each also with .gz or .zst; or say --format.`,
  })
}

/** The head may end within a character. */
function checkUtf8(head: Uint8Array, isWhole: boolean): void {
  for (let cut = 0; cut <= (isWhole ? 0 : 3); cut++) if (isUtf8(head.subarray(0, head.length - cut))) return
  let line = 1
  for (let from = 0; from < head.length; line++) {
    const at = head.indexOf(10, from)
    const end = at === -1 ? head.length : at + 1
    if (!isUtf8(head.subarray(from, end))) break
    from = end
  }
  throw notUtf8(line, head)
}

interface Found {
  readonly layout: Layout
  /** What comes before the first row. */
  readonly skip: { readonly bytes: number; readonly lines: number }
  readonly notes: readonly string[]
}

type Known = Pick<Layout, 'encoding' | 'rowBytesMax'>

const lines = { delimiter: ',', quotes: 'whole-field' } as const
const nothing = { bytes: 0, lines: 0 } as const

function layoutOf(head: Uint8Array, isWhole: boolean, format: TextFormat, wish: FileWish, known: Known): Found {
  switch (format) {
    case 'txt':
      if (wish.format === undefined && looksLikeTable(head)) {
        const table = tableOf(head, isWhole, 'tsv', wish, known)
        return { ...table, notes: ['read as a table with tabs; --format txt reads one text a line', ...table.notes] }
      }
      return { layout: { ...known, ...lines, format, columns: ['text'] }, skip: nothing, notes: [] }
    case 'jsonl':
      return { layout: { ...known, ...lines, format, columns: keysOf(head) }, skip: nothing, notes: [] }
    case 'csv':
    case 'tsv':
      return tableOf(head, isWhole, format, wish, known)
    default:
      return format satisfies never
  }
}

/** Excel's “Unicode text” is a table with tabs that is called .txt: its first line names a column for texts. */
function looksLikeTable(head: Uint8Array): boolean {
  const names = firstLine(head).text.split('\t')
  return names.length > 1 && names.some((name) => TEXT_NAMES.includes(name.trim().toLowerCase()))
}

function firstLine(head: Uint8Array): { text: string; next: number } {
  let end = 0
  while (end < head.length && head[end] !== 10 && head[end] !== 13) end++
  const next = head[end] === 13 && head[end + 1] === 10 ? end + 2 : end + 1
  return { text: Buffer.from(head.subarray(0, end)).toString(), next: Math.min(next, head.length) }
}

function keysOf(head: Uint8Array): readonly string[] {
  const keys = new Set<string>()
  const objects = Buffer.from(head)
    .toString()
    .split(/\r\n|\n|\r/, OBJECTS_ASKED)
  for (const line of objects) {
    try {
      const value: unknown = JSON.parse(line)
      if (typeof value === 'object' && value !== null && !Array.isArray(value))
        for (const key of Object.keys(value)) keys.add(key)
    } catch {
      // A line that is no JSON, or that the head does not hold whole, has no say here; its row says why.
    }
    if (keys.size > COLUMNS_MAX) break
  }
  return [...keys]
}

function tableOf(head: Uint8Array, isWhole: boolean, format: 'csv' | 'tsv', wish: FileWish, known: Known): Found {
  const sep = separatorLine(head)
  const body = head.subarray(sep?.next ?? 0)
  const delimiter = sep?.delimiter ?? (format === 'tsv' ? '\t' : delimiterOf(body))
  const isTabbed = format === 'tsv' && delimiter === '\t'
  const first: Layout = { ...known, format, delimiter, quotes: isTabbed ? 'whole-field' : 'doubled', columns: [] }
  const notes: string[] = []
  if (sep !== null) notes.push(`the first line says that fields are separated by ${spoken(delimiter)}`)
  else if (format === 'csv' && delimiter !== ',') notes.push(`fields are separated by ${spoken(delimiter)}`)
  const found = headed(body, isWhole, first, wish)
  const other: Layout = { ...found.layout, quotes: isTabbed ? 'doubled' : 'backslash' }
  const isOther = isClearlyBetter(body.subarray(found.skip.bytes), isWhole, found.layout, other)
  if (isOther)
    notes.push(
      isTabbed
        ? 'fields in quotes may hold tabs and line ends'
        : 'quotes inside of fields have a backslash before them',
    )
  const skip = { bytes: (sep?.next ?? 0) + found.skip.bytes, lines: (sep === null ? 0 : 1) + found.skip.lines }
  return { layout: isOther ? other : found.layout, skip, notes }
}

/** Excel's line `sep=;` before the header. */
function separatorLine(head: Uint8Array): { delimiter: string; next: number } | null {
  const { text, next } = firstLine(head.subarray(0, 64))
  const [, delimiter] = /^"?sep=([\t-~])"?$/i.exec(text) ?? []
  return delimiter === undefined || delimiter === '"' ? null : { delimiter, next }
}

const DELIMITERS = [',', ';', '\t', '|'] as const

/** The one that the header has most of, outside of quotes. */
function delimiterOf(body: Uint8Array): string {
  const header = firstLine(body).text.replace(/"[^"]*"/g, '')
  const counts = DELIMITERS.map((delimiter) => ({ delimiter, count: header.split(delimiter).length }))
  return counts.reduce((best, next) => (next.count > best.count ? next : best)).delimiter
}

function spoken(delimiter: string): string {
  return delimiter === '\t' ? 'tabs' : `“${delimiter}”`
}

/** The layout with its columns, and what of the body is header. */
function headed(body: Uint8Array, isWhole: boolean, layout: Layout, wish: FileWish): Pick<Found, 'layout' | 'skip'> {
  const row = firstRow(body, layout, COLUMNS_MAX)
  if (row === null) return { layout, skip: nothing }
  if (row.count > COLUMNS_MAX)
    throw new Fault('data_broken', { say: `The table has more than ${COLUMNS_MAX} columns.` })
  if (row.to >= body.length && !isWhole && body.length >= HEAD_BYTES / 2)
    throw new Fault('data_broken', {
      say: `The first row does not end within ${HEAD_BYTES} bytes. Is a quote left open?`,
    })
  if (row.isBroken) throw new Fault('data_broken', { say: 'A quote opens in the first row and is never closed.' })
  if (wish.header === false)
    return { layout: { ...layout, columns: row.fields.map((_, i) => String(i + 1)) }, skip: nothing }
  const columns = row.fields.map((name) => name.trim())
  return { layout: { ...layout, columns }, skip: { bytes: Math.min(row.next, body.length), lines: row.lines } }
}

/** Whether the one way to read quotes leaves bad rows among the first, and the other none at all. */
function isClearlyBetter(body: Uint8Array, isWhole: boolean, one: Layout, other: Layout): boolean {
  if (!body.includes(34)) return false
  const badOf = (layout: Layout): number => {
    const bytes = new Uint8Array(isWhole ? body : body.subarray(0, wholeRows(body, layout)))
    const { rows } = rowsOf({ bytes, firstLine: 1 }, layout, [])
    return rows.length === 0 ? Infinity : rows.filter(({ bad }) => bad !== null).length
  }
  return badOf(one) > 0 && badOf(other) === 0
}

async function* after(bytes: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count
  for await (const part of bytes) {
    const from = Math.min(left, part.length)
    left -= from
    if (from < part.length) yield part.subarray(from)
  }
}
