/** Parquet → JSON lines, so that its rows take the same way as all others. The number of a row stands for its line. */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import {
  type ColumnMetaData,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  snappyUncompress,
} from 'hyparquet'
import { parquetHeader } from 'hyparquet/src/column.js'
import { Fault } from '../../domain/faults.ts'
import type { Block } from './layout.ts'
import { unpackHadoopLz4, unpackLz4 } from './lz4.ts'
import { reason } from './source.ts'

export interface ParquetFile {
  readonly columns: readonly string[]
  /** Only these columns are read. */
  readonly blocks: (wanted: readonly string[]) => AsyncGenerator<Block>
}

/** Rows are unpacked so many at a time. */
const BLOCK_ROWS = 20_000
/** A Parquet file has its table of contents at its end, so it is held whole. */
const FILE_BYTES_MAX = 1024 ** 3
const ROWS_MAX = 100_000_000
/** Writers make pages of about a megabyte; nothing honest comes near these. */
const PAGE_BYTES_MAX = 512 * 1024 ** 2
const PAGE_VALUES_MAX = 20_000_000

export async function openParquet(bytes: AsyncIterable<Uint8Array>): Promise<ParquetFile> {
  const whole = await collect(bytes)
  const file = { byteLength: whole.byteLength, slice: async (start: number, end?: number) => whole.slice(start, end) }
  const metadata = await readable(() => parquetMetadataAsync(file, { geoparquet: false }))
  const columns = await readable(() => parquetSchema(metadata).children.map((child) => child.element.name))
  const names = labelNames(metadata)
  return {
    columns,
    async *blocks(wanted) {
      const top = [
        ...new Set(
          wanted.flatMap((name) =>
            columns.includes(name) ? [name] : columns.filter((one) => name.startsWith(`${one}.`)),
          ),
        ),
      ]
      const rows = await readable(() => checkedRows(metadata, new DataView(whole), top))
      for (let start = 0; start < rows; start += BLOCK_ROWS) {
        const range = { rowStart: start, rowEnd: Math.min(rows, start + BLOCK_ROWS) }
        const records = await readable(() =>
          parquetReadObjects({ file, metadata, columns: top, ...range, compressors }),
        )
        if (records.length !== range.rowEnd - range.rowStart)
          throw cannotRead(`it says that it has ${rows} rows, but has fewer`)
        const lines = records.map(
          (record) => `${JSON.stringify(record, (key, value) => plainValue(key, value, names))}\n`,
        )
        yield { bytes: new TextEncoder().encode(lines.join('')), firstLine: start + 1 }
      }
    },
  }
}

async function readable<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw cause instanceof Fault ? cause : cannotRead(reason(cause), cause)
  }
}

function cannotRead(why: string, cause?: unknown): Fault {
  return new Fault('data_broken', { say: `The Parquet file cannot be read: ${why}.`, cause })
}

/**
 * The names of labels that Hugging Face's `datasets` keeps beside the numbers: by column, where it is a ClassLabel.
 * https://huggingface.co/docs/datasets/about_dataset_features
 */
function labelNames(metadata: FileMetaData): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, readonly string[]>()
  const entry = metadata.key_value_metadata?.find(({ key }) => key === 'huggingface')
  try {
    const value: unknown = JSON.parse(entry?.value ?? '{}')
    const features = objectOf(objectOf(objectOf(value)['info'])['features'])
    for (const [column, feature] of Object.entries(features)) {
      const { _type: type, names: labels } = objectOf(feature)
      if (type === 'ClassLabel' && Array.isArray(labels) && labels.every((label) => typeof label === 'string'))
        names.set(column, labels)
    }
  } catch {
    // What another program wrote beside the rows may be anything.
  }
  return names
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}

/** Values that JSON lacks; numbers of a ClassLabel become its names, and a number without a name stays. */
function plainValue(key: string, value: unknown, names: ReadonlyMap<string, readonly string[]>): unknown {
  const labels = names.get(key)
  if (typeof value === 'bigint') {
    const number = Number(value)
    if (labels !== undefined) return labels[number] ?? String(value)
    return Number.isSafeInteger(number) ? number : String(value)
  }
  return labels !== undefined && typeof value === 'number' ? (labels[value] ?? value) : value
}

/** How many rows there are, after every page of the columns has been found to be of an honest size. */
function checkedRows(metadata: FileMetaData, view: DataView, columns: readonly string[]): number {
  const rows = Number(metadata.num_rows)
  const held = metadata.row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0)
  if (!Number.isSafeInteger(rows) || rows < 0 || rows > ROWS_MAX)
    throw cannotRead(`it says that it has ${metadata.num_rows} rows`)
  if (held !== rows) throw cannotRead(`it says that it has ${rows} rows, but its parts have ${held}`)
  for (const group of metadata.row_groups)
    for (const { meta_data: meta } of group.columns)
      if (meta !== undefined && columns.includes(meta.path_in_schema[0])) checkPages(meta, view)
  return rows
}

function checkPages(meta: ColumnMetaData, view: DataView): void {
  const start = Number(meta.dictionary_page_offset || meta.data_page_offset)
  const end = start + Number(meta.total_compressed_size)
  if (!(start >= 0 && end >= start && end <= view.byteLength)) throw new Error('a column lies outside of the file')
  const reader = { view, offset: start }
  while (reader.offset < end) {
    const header = parquetHeader(reader)
    const { data_page_header: one, data_page_header_v2: two, dictionary_page_header: dictionary } = header
    const counts = [one?.num_values, two?.num_values, two?.num_nulls, dictionary?.num_values]
    for (const count of counts)
      if (count !== undefined && !(count >= 0 && count <= PAGE_VALUES_MAX))
        throw new Error(`a page says that it has ${count} values`)
    const { compressed_page_size: packed, uncompressed_page_size: unpacked } = header
    if (!(unpacked >= 0 && unpacked <= PAGE_BYTES_MAX)) throw new Error(`a page says that it has ${unpacked} bytes`)
    if (!(packed >= 0 && reader.offset + packed <= end)) throw new Error('a page lies outside of its column')
    reader.offset += packed
  }
}

/** Each is told how many bytes to give, so that a page that unpacks to more does no harm. */
const compressors: Compressors = {
  SNAPPY: (input, bytesOut) => {
    const out = new Uint8Array(bytesOut)
    snappyUncompress(input, out)
    return out
  },
  GZIP: (input, bytesOut) => gunzipSync(input, { maxOutputLength: Math.max(1, bytesOut) }),
  ZSTD: (input, bytesOut) => zstdDecompressSync(input, { maxOutputLength: Math.max(1, bytesOut) }),
  BROTLI: (input, bytesOut) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, bytesOut) }),
  LZ4_RAW: unpackLz4,
  LZ4: unpackHadoopLz4,
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<ArrayBuffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of bytes) {
    chunks.push(chunk)
    length += chunk.length
    if (length > FILE_BYTES_MAX)
      throw new Fault('data_broken', { say: `A Parquet file may have at most ${FILE_BYTES_MAX} bytes.` })
  }
  const whole = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole.buffer
}
