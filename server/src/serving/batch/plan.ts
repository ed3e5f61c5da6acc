/** What is asked of a batch: how the input is laid out and what the output should hold. Plain data, so that it crosses threads. */

import type { Layout } from '../../ingest/files/layout.ts'

export type OutputFormat = 'csv' | 'ndjson'

export interface BatchPlan {
  readonly layout: Layout
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
  readonly found: Found
}

/** What a person should hear of about the input, beside its rows. */
export interface Found {
  /** Lines and rows that hold nothing; they have no line in the output. */
  readonly blank: number
  /** The first rows that could not be read, and why. */
  readonly refused: readonly { readonly line: number; readonly reason: string }[]
  /** The first row whose bytes its encoding does not allow, and which encoding would. */
  readonly undecodable: { readonly line: number; readonly likely: string } | null
  /** The row that spans the most lines, where these are suspiciously many. */
  readonly longest: { readonly line: number; readonly lines: number } | null
}

export const nothingFound: Found = { blank: 0, refused: [], undecodable: null, longest: null }

/** So many are told; a file of nothing but bad rows should not fill the screen. */
export const REFUSED_SHOWN = 20

/** What was found before, and what was found after it. */
export function addFound(before: Found, next: Found): Found {
  const isLonger = (next.longest?.lines ?? 0) > (before.longest?.lines ?? 0)
  return {
    blank: before.blank + next.blank,
    refused: next.refused.length === 0 ? before.refused : [...before.refused, ...next.refused].slice(0, REFUSED_SHOWN),
    undecodable: before.undecodable ?? next.undecodable,
    longest: isLonger ? next.longest : before.longest,
  }
}

export interface BatchTotals {
  readonly rows: number
  readonly faults: number
  readonly found: Found
  readonly textBytes: number
  readonly labels: readonly number[]
}
