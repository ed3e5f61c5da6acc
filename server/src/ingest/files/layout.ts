/** How a file is laid out: plain data, found once in its first bytes, and all that is needed to read any block of it. */

export const FORMATS = ['csv', 'tsv', 'jsonl', 'txt', 'parquet'] as const
export type Format = (typeof FORMATS)[number]
export type TextFormat = Exclude<Format, 'parquet'>

export interface Layout {
  /** Parquet comes as JSON lines. */
  readonly format: TextFormat
  /** Between the fields of a table, one ASCII character. */
  readonly delimiter: string
  /**
   * What a quote at the start of a field means: `doubled` it opens the field, and is written twice inside of it
   * (RFC 4180); `backslash` the same with `\"` inside; `whole-field` it belongs to the text, unless the whole field of
   * one line stands in quotes.
   */
  readonly quotes: 'doubled' | 'backslash' | 'whole-field'
  /** Names of a table's columns, or the keys of the first objects; `text` of plain text. */
  readonly columns: readonly string[]
  /** For the words about what is broken. */
  readonly encoding: string
  readonly rowBytesMax: number
}

/** A piece of a file in UTF-8 that holds whole rows. It owns its buffer, so it can be handed to another thread. */
export interface Block {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Line of the file on which the block begins, 1 for the first. */
  readonly firstLine: number
  /** True: the block is one row that was too long to be kept, and has no bytes. */
  readonly isTooLong?: boolean
}
