/** What is asked of a batch: how the input is laid out and what the output should hold. Plain data, so that it crosses threads. */

/** `txt` is one text a line. */
export type InputFormat = 'csv' | 'tsv' | 'jsonl' | 'txt'
export type OutputFormat = 'csv' | 'ndjson'

export interface BatchPlan {
  readonly input: InputFormat
  /** Between the fields of CSV, one ASCII character; TSV has its tab. */
  readonly delimiter: string
  /** Columns of CSV and TSV in order, [] where the format has none. */
  readonly columns: readonly string[]
  /** Column (CSV, TSV) or key (JSONL) that holds the text. */
  readonly text: string
  /** Columns or keys that are copied to the output. */
  readonly keep: readonly string[]
  readonly output: OutputFormat
  readonly probabilities: boolean
  readonly labels: readonly string[]
  /** UTF-16 code units. */
  readonly textCharsMax: number
}

/** A piece of the input that holds whole records. */
export interface Chunk {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Line of the file on which the chunk begins, 1 for the first. */
  readonly firstLine: number
}

/** The output of one chunk. */
export interface ScoredChunk {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly rows: number
  /** Rows that could not be scored; each says why in its place. */
  readonly faults: number
  /** Bytes of text that were scored, in UTF-8. */
  readonly textBytes: number
  /** [labels] how many rows got which label. */
  readonly labels: readonly number[]
}

export interface BatchTotals {
  readonly rows: number
  readonly faults: number
  readonly textBytes: number
  readonly labels: readonly number[]
}
