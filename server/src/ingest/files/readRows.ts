/** A data set of labelled texts, from a file in any of the formats that people have, with what was wrong in it. */
import { extname } from 'node:path'
import { Fault } from '../../domain/faults.ts'
import { textKey } from '../../math/hash53.ts'
import { type Columns, type ColumnWishes, chooseColumns, chooseText } from './columns.ts'
import { type Asked, type Format, type Raw, readCsv, readJsonl, readParquet, readTsv } from './formats.ts'
import { findSource, type Reading, readSource, type Source } from './source.ts'

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
  rowBytesMax: 4 * 1024 * 1024,
  textLengthMax: 200_000,
  labelsMax: 1000,
  badShareMax: 0.01,
}

export interface ReadOptions {
  readonly columns?: ColumnWishes
  /** Labels are not looked at, nor need there be any: every row has the empty one. */
  readonly unlabelled?: boolean
  /** By the name's ending, or else by what the file begins with. */
  readonly format?: Format
  /** CSV and TSV: false where the first line is a row already; the columns are then called 1, 2, 3 … */
  readonly header?: boolean
  readonly limits?: Partial<ReadLimits>
  readonly onProgress?: (progress: {
    readonly bytes: number
    readonly bytesTotal: number
    readonly rows: number
  }) => void
  readonly signal?: AbortSignal
}

const BAD_SHOWN = 20

/**
 * Reads a whole data set into memory.
 *
 * Bad rows (wrong width, empty text or label, too long, not JSON, not UTF-8) are left out, counted, and the
 * first 20 named by line. From 1 % on the data is refused: data_broken, with the lines.
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
  const source = await findSource(path)
  const format = options.format ?? formatOf(source)
  const reading = readSource(source, options.signal)
  const wishes = options.columns ?? {}
  let columns: Columns | undefined
  const asked: Asked = {
    choose: (names) => (columns = options.unlabelled ? textAlone(names, wishes) : chooseColumns(names, wishes)),
    header: options.header ?? true,
    rowBytesMax: limits.rowBytesMax,
  }
  const tally = startTally(limits, options.unlabelled ?? false)
  for await (const raws of recordsOf(format, reading, asked)) {
    const rows = tally.take(raws)
    if (rows.length > 0) yield rows
    options.onProgress?.({ bytes: reading.bytesRead(), bytesTotal: source.bytesTotal, rows: tally.rows })
  }
  if (!columns || tally.rows === 0) throw tooBad(path, tally, 'has no usable row')
  if (tally.bad / (tally.bad + tally.rows) >= limits.badShareMax) throw tooBad(path, tally, 'has too many bad rows')
  return {
    path,
    format,
    columns,
    columnsGuessed: wishes.text === undefined || (wishes.label === undefined && !options.unlabelled),
    rows: tally.rows,
    bytes: reading.bytesRead(),
    sha256: reading.sha256(),
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

function recordsOf(format: Format, reading: Reading, asked: Asked): AsyncGenerator<Raw[]> {
  switch (format) {
    case 'csv':
      return readCsv(reading.bytes, asked)
    case 'tsv':
      return readTsv(reading.bytes, asked)
    case 'jsonl':
      return readJsonl(reading.bytes, asked)
    case 'parquet':
      return readParquet(reading.bytes, asked)
    default:
      return format satisfies never
  }
}

const endings: Readonly<Record<string, Format>> = {
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.tab': 'tsv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.parquet': 'parquet',
}

function formatOf(source: Source): Format {
  const name = source.path.toLowerCase().replace(/\.gz$/, '')
  const format = endings[extname(name)]
  if (format) return format
  if (new TextDecoder('latin1').decode(source.magic.subarray(0, 4)) === 'PAR1') return 'parquet'
  if (source.magic[0] === 0x7b) return 'jsonl'
  throw new Fault('data_broken', {
    say: `What kind of data is ${source.path}? Known endings: ${Object.keys(endings).join(' ')}, each also with .gz.`,
  })
}

interface Tally {
  rows: number
  bad: number
  duplicates: number
  contradictions: number
  readonly badShown: BadRow[]
  readonly labels: Map<string, number>
  take(raws: readonly Raw[]): Row[]
}

/** Sorts good rows from bad ones and counts both. */
function startTally(limits: ReadLimits, unlabelled: boolean): Tally {
  const labelOfText = new Map<number, string>()
  const tally: Tally = { rows: 0, bad: 0, duplicates: 0, contradictions: 0, badShown: [], labels: new Map(), take }
  return tally

  function take(raws: readonly Raw[]): Row[] {
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

function check(raw: Raw, limits: ReadLimits, unlabelled: boolean): Row | BadRow {
  const { line } = raw
  if ('bad' in raw) return { line, reason: raw.bad }
  const { text } = raw
  if (text === undefined || text === null || text === '') return { line, reason: 'empty text' }
  if (typeof text !== 'string') return { line, reason: `the text is a ${typeof text}, not a string` }
  if (text.trim() === '') return { line, reason: 'empty text' }
  if (text.length > limits.textLengthMax)
    return { line, reason: `the text is longer than ${limits.textLengthMax} characters` }
  if (unlabelled) return { line, text, label: '' }
  const label = labelText(raw.label)
  if (label === undefined) return { line, reason: 'the label is neither text nor a number' }
  if (label === '') return { line, reason: 'empty label' }
  if (label.length > 200) return { line, reason: 'the label is longer than 200 characters' }
  return { line, text, label }
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
