/** A data set of labelled texts, from a file in any of the formats that people have, with what was wrong in it. */
import { Fault } from '../../domain/faults.ts'
import { textKey } from '../../math/hash53.ts'
import { type Columns, type ColumnWishes, chooseColumns, chooseText } from './columns.ts'
import { notUtf8 } from './encoding.ts'
import type { Format } from './layout.ts'
import { openFile, ROW_BYTES_MAX } from './openFile.ts'
import { type FileRow, rowsOf } from './rows.ts'
import { findSource } from './source.ts'

export interface Row {
  /** Where the row begins in the file, 1 for the first line; in Parquet the number of the row. */
  readonly line: number
  readonly text: string
  readonly label: string
}

export interface BadRow {
  readonly line: number
  readonly reason: string
}

/** What was read, and what was wrong with it. */
export interface ReadReport {
  readonly path: string
  readonly format: Format
  readonly columns: Columns
  /** True where a column was chosen by its name alone: say so to the person. */
  readonly columnsGuessed: boolean
  readonly rows: number
  readonly bytes: number
  /** sha256 of the file as it lies on disk. */
  readonly sha256: string
  /** By the name's ending or the first bytes: how it was read beyond that, in words for the person. */
  readonly notes: readonly string[]
  /** Empty lines, and rows of which all fields are empty. */
  readonly blank: number
  readonly bad: number
  /** The first of them. */
  readonly badShown: readonly BadRow[]
  /** Rows whose text (but for case and spaces) had occurred before. */
  readonly duplicates: number
  /** Of those, rows with another label than the first time. */
  readonly contradictions: number
  /** Rows by label, in order of first appearance. */
  readonly labels: ReadonlyMap<string, number>
}

export interface ReadLimits {
  readonly rowsMax: number
  readonly rowBytesMax: number
  /** UTF-16 code units. */
  readonly textLengthMax: number
  readonly labelsMax: number
  /** At this share of bad rows the data is refused. */
  readonly badShareMax: number
}

export const readLimits: ReadLimits = {
  rowsMax: 5_000_000,
  rowBytesMax: ROW_BYTES_MAX,
  textLengthMax: 200_000,
  labelsMax: 1000,
  badShareMax: 0.01,
}

export interface ReadOptions {
  readonly columns?: ColumnWishes
  /** Labels are not looked at, nor need there be any: every row has the empty one. */
  readonly unlabelled?: boolean
  /** By the name's ending, or else by what the file begins with. */
  readonly format?: Format | undefined
  /** By its byte order mark, or else UTF-8. */
  readonly encoding?: string | undefined
  /** CSV and TSV: false where the first line is a row already; the columns are then called 1, 2, 3 … */
  readonly header?: boolean
  readonly limits?: Partial<ReadLimits>
  readonly onProgress?: (progress: {
    readonly bytes: number
    /** null where it is not known. */
    readonly bytesTotal: number | null
    readonly rows: number
  }) => void
  readonly signal?: AbortSignal
}

const BAD_SHOWN = 20

/**
 * Reads a whole data set into memory.
 *
 * Bad rows (wrong width, empty text or label, too long, not JSON, not valid in the encoding that was said) are left out,
 * counted, and the first 20 named by line. From 1 % on the data is refused: data_broken, with the lines. Where nobody said
 * the encoding, the first row that is not UTF-8 refuses it, since many more may be wrong without showing.
 */
export async function readDataset(
  path: string,
  options: ReadOptions = {},
): Promise<{ rows: Row[]; report: ReadReport }> {
  const rows: Row[] = []
  const batches = readRows(path, options)
  let next = await batches.next()
  for (; !next.done; next = await batches.next()) for (const row of next.value) rows.push(row)
  return { rows, report: next.value }
}

/** The same as a stream of batches; the report is the generator's return value. */
export async function* readRows(path: string, options: ReadOptions = {}): AsyncGenerator<Row[], ReadReport> {
  const limits = { ...readLimits, ...options.limits }
  const { format, encoding, header, signal } = options
  const wish = { format, encoding, header, signal, rowBytesMax: limits.rowBytesMax }
  const file = await openFile(await findSource(path), wish)
  const { layout } = file
  if (layout.format === 'txt' && !options.unlabelled)
    throw new Fault('data_broken', { say: `${path} is plain text, which has no labels.` })
  const wishes = options.columns ?? {}
  const columns = options.unlabelled ? textAlone(layout.columns, wishes) : chooseColumns(layout.columns, wishes)
  const wanted = options.unlabelled ? [columns.text] : [columns.text, columns.label]
  const tally = startTally(limits, options.unlabelled ?? false)
  let longest: { readonly line: number; readonly lines: number } | null = null
  for await (const block of file.blocks(wanted)) {
    const read = rowsOf(block, layout, wanted)
    if (read.undecodable > 0 && file.encoding.by === 'assumed') throw notUtf8(read.undecodable, block.bytes)
    tally.blank += read.blank
    if (read.longest !== null && read.longest.lines > (longest?.lines ?? 0)) longest = read.longest
    const rows = tally.take(read.rows)
    if (rows.length > 0) yield rows
    options.onProgress?.({ bytes: file.bytesRead(), bytesTotal: file.bytesTotal, rows: tally.rows })
  }
  if (tally.rows === 0) throw tooBad(path, tally, 'has no usable row')
  if (tally.bad / (tally.bad + tally.rows) >= limits.badShareMax) throw tooBad(path, tally, 'has too many bad rows')
  return {
    path,
    format: file.format,
    columns,
    columnsGuessed: wishes.text === undefined || (wishes.label === undefined && !options.unlabelled),
    rows: tally.rows,
    bytes: file.bytesRead(),
    sha256: file.sha256(),
    notes: [...file.notes, ...(longest === null ? [] : [longRow(longest)])],
    blank: tally.blank,
    bad: tally.bad,
    badShown: tally.badShown,
    duplicates: tally.duplicates,
    contradictions: tally.contradictions,
    labels: tally.labels,
  }
}

function textAlone(names: readonly string[], wishes: ColumnWishes): Columns {
  const text = chooseText(names, wishes.text)
  return { text, label: text }
}

/** A quoted field may be a whole letter; it may also be a stray quote that took hundreds of rows with it. */
export function longRow({ line, lines }: { readonly line: number; readonly lines: number }): string {
  return `the row in line ${line} has ${lines} lines: is a quote left open?`
}

interface Tally {
  rows: number
  blank: number
  bad: number
  duplicates: number
  contradictions: number
  readonly badShown: BadRow[]
  readonly labels: Map<string, number>
  take(raws: readonly FileRow[]): Row[]
}

/** Sorts good rows from bad ones and counts both. */
function startTally(limits: ReadLimits, unlabelled: boolean): Tally {
  const labelOfText = new Map<number, string>()
  const tally: Tally = {
    rows: 0,
    blank: 0,
    bad: 0,
    duplicates: 0,
    contradictions: 0,
    badShown: [],
    labels: new Map(),
    take,
  }
  return tally

  function take(raws: readonly FileRow[]): Row[] {
    const rows: Row[] = []
    for (const raw of raws) {
      const row = check(raw, limits, unlabelled)
      if ('reason' in row) {
        tally.bad++
        if (tally.badShown.length < BAD_SHOWN) tally.badShown.push(row)
        continue
      }
      count(row)
      rows.push(row)
    }
    return rows
  }

  function count(row: Row): void {
    if (++tally.rows > limits.rowsMax)
      throw new Fault('data_broken', { say: `The data has more than ${limits.rowsMax} rows.` })
    if (!unlabelled) tally.labels.set(row.label, (tally.labels.get(row.label) ?? 0) + 1)
    if (tally.labels.size > limits.labelsMax) {
      throw new Fault('data_broken', {
        say: `The label column has more than ${limits.labelsMax} different values. Is it the right column?`,
      })
    }
    const key = textKey(row.text)
    const before = labelOfText.get(key)
    if (before === undefined) labelOfText.set(key, row.label)
    else {
      tally.duplicates++
      if (before !== row.label) tally.contradictions++
    }
  }
}

function check(raw: FileRow, limits: ReadLimits, unlabelled: boolean): Row | BadRow {
  const { line } = raw
  if (raw.bad !== null) return { line, reason: raw.bad }
  const [text, told] = raw.values
  if (text === undefined || text === null || text === '') return { line, reason: 'empty text' }
  if (typeof text !== 'string') return { line, reason: `the text is ${spoken(text)}, not a string` }
  if (text.trim() === '') return { line, reason: 'empty text' }
  if (text.length > limits.textLengthMax)
    return { line, reason: `the text is longer than ${limits.textLengthMax} characters` }
  if (unlabelled) return { line, text, label: '' }
  const label = labelText(told)
  if (label === undefined) return { line, reason: 'the label is neither text nor a number' }
  if (label === '') return { line, reason: 'empty label' }
  if (label.length > 200) return { line, reason: 'the label is longer than 200 characters' }
  return { line, text, label }
}

function spoken(value: unknown): string {
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

function labelText(value: unknown): string | undefined {
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return value.trim()
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  return undefined
}

function tooBad(path: string, tally: Tally, what: string): Fault {
  const total = tally.rows + tally.bad
  const share = total === 0 ? '' : ` (${((100 * tally.bad) / total).toFixed(1)} %)`
  const shown = tally.badShown.map(({ line, reason }) => `line ${line}: ${reason}`)
  const more = tally.bad > shown.length ? [`and ${tally.bad - shown.length} more`] : []
  const list = shown.length === 0 ? '' : `\n  ${[...shown, ...more].join('\n  ')}`
  return new Fault('data_broken', { say: `The data ${path} ${what}: ${tally.bad} of ${total} are bad${share}.${list}` })
}
