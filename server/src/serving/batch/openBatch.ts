/** A file or standard input, opened for a batch: its layout, its columns, and its chunks. */
import { Fault } from '../../domain/faults.ts'
import { chooseText, findColumn } from '../../ingest/files/columns.ts'
import type { Encoding } from '../../ingest/files/encoding.ts'
import type { Block, Format } from '../../ingest/files/layout.ts'
import { openFile } from '../../ingest/files/openFile.ts'
import { findSource, streamSource } from '../../ingest/files/source.ts'
import type { BatchPlan } from './plan.ts'
import { wantedColumns } from './records.ts'

export interface BatchWish {
  /** A path, or `-` for the stream `stdin`. */
  readonly path: string
  readonly stdin: AsyncIterable<Uint8Array>
  readonly format: Format | null
  readonly encoding: string | null
  /** False: the first line of a table is a row already; columns are called 1, 2, 3 … */
  readonly header: boolean
  readonly text: string | null
  readonly keep: readonly string[]
  /** Keep the text as well, before the others. */
  readonly keepsText?: boolean
}

export interface OpenBatch {
  readonly input: Pick<BatchPlan, 'layout' | 'text' | 'keep'>
  readonly encoding: Encoding
  /** What was concluded from the first bytes, in words for the person. */
  readonly notes: readonly string[]
  readonly chunks: AsyncIterable<Block>
  /** Of the file as it lies on disk; null for standard input. */
  readonly bytesTotal: number | null
  readonly bytesRead: () => number
}

/**
 * Opens the input and reads its first bytes.
 *
 * @throws Fault data_broken for a file that is not there, a column that does not exist, or one that must be named.
 */
export async function openBatch(wish: BatchWish): Promise<OpenBatch> {
  const source = wish.path === '-' ? streamSource(wish.stdin) : await findSource(wish.path)
  const { format, encoding, header } = wish
  const file = await openFile(source, {
    format: format ?? undefined,
    encoding: encoding ?? undefined,
    header,
    isHashed: false,
  })
  const { layout } = file
  const alien = layout.format === 'txt' ? wish.keep.find((name) => name !== 'text') : undefined
  if (alien !== undefined)
    throw new Fault('data_broken', {
      say: `Plain text has no column “${alien}”: each line is a text, which can be kept as “text”. For a table say --format csv, tsv or jsonl.`,
    })
  const text = layout.format === 'txt' ? 'text' : chooseText(layout.columns, wish.text ?? undefined)
  // A key that the first objects lack may come later; a column of a table may not.
  if (layout.format !== 'jsonl' || file.format === 'parquet')
    for (const name of wish.keep) if (layout.columns.length > 0) findColumn(layout.columns, name, 'such')
  const keep = wish.keepsText === true ? [...new Set([text, ...wish.keep])] : wish.keep
  return {
    input: { layout, text, keep },
    encoding: file.encoding,
    notes: file.notes,
    chunks: file.blocks(wantedColumns({ text, keep })),
    bytesTotal: file.bytesTotal,
    bytesRead: file.bytesRead,
  }
}
