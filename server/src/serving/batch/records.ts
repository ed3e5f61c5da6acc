/** One chunk of the input → its rows. */
import type { Block } from '../../ingest/files/layout.ts'
import { rowsOf } from '../../ingest/files/rows.ts'
import type { BatchPlan } from './plan.ts'

/** `text` is null where there is none to score, and `bad` says why. */
export interface BatchRow {
  /** Line of the file on which the row begins. */
  readonly line: number
  readonly text: string | null
  readonly bad: string | null
  /** The values of `plan.keep`, '' where a value is missing. */
  readonly kept: readonly unknown[]
}

/** What was read of one chunk beside its rows. */
export interface BatchRows {
  readonly rows: readonly BatchRow[]
  readonly blank: number
  /** Line of the first row whose bytes the encoding does not allow; 0 where there is none. */
  readonly undecodable: number
  readonly longest: { readonly line: number; readonly lines: number } | null
}

/** Each column once, the text first: it may be kept as well. */
export function wantedColumns({ text, keep }: Pick<BatchPlan, 'text' | 'keep'>): string[] {
  return [...new Set([text, ...keep])]
}

/** Rows in the order of the input. */
export function recordsOf(block: Block, plan: Pick<BatchPlan, 'layout' | 'text' | 'keep'>): BatchRows {
  const wanted = wantedColumns(plan)
  const read = rowsOf(block, plan.layout, wanted)
  const places = plan.keep.map((name) => wanted.indexOf(name))
  const rows = read.rows.map(({ line, values, bad }) => {
    const kept = places.map((place) => values[place] ?? '')
    const text = values[0]
    if (bad !== null) return { line, text: null, bad, kept }
    if (typeof text === 'string') return { line, text, bad: null, kept }
    const isAbsent = text === undefined || text === null
    return { line, text: null, bad: isAbsent ? `no “${plan.text}”` : `“${plan.text}” is not a string`, kept }
  })
  return { rows, blank: read.blank, undecodable: read.undecodable, longest: read.longest }
}
