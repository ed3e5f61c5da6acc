/**
 * What the Live page holds of the log: newest first, no prediction twice, never more than `ROWS_MAX`.
 * While it is held, what arrives waits (counted in full, kept up to `ROWS_MAX`), so that nothing moves under a reader.
 */
import type { FeedbackEvent } from '@barometer/wire'
import type { Row } from './row.ts'

export const ROWS_MAX = 500

export interface LiveLog {
  readonly rows: readonly Row[]
  readonly held: boolean
  readonly waiting: readonly Row[]
  /** How many wait, those included that are no longer kept. */
  readonly waitingCount: number
}

export const emptyLog: LiveLog = { rows: [], held: false, waiting: [], waitingCount: 0 }

export function arrive(log: LiveLog, incoming: readonly Row[]): LiveLog {
  if (incoming.length === 0) return log
  if (!log.held) return { ...log, rows: merge(log.rows, incoming) }
  const shown = new Set([...log.rows, ...log.waiting].map((row) => row.id))
  const fresh = incoming.filter((row) => !shown.has(row.id))
  return {
    ...log,
    waiting: merge(log.waiting, fresh),
    waitingCount: log.waitingCount + new Set(fresh.map((r) => r.id)).size,
  }
}

/** A page read from the log. What is older than all that is shown goes below it, which moves nothing, held or not. */
export function fill(log: LiveLog, page: readonly Row[]): LiveLog {
  const oldest = log.rows.at(-1)
  const older = page.filter((row) => !oldest || newestFirst(row, oldest) > 0)
  const rows = merge(log.rows, older)
  const shown = new Set(rows.map((row) => row.id))
  const waiting = log.waiting.filter((row) => !shown.has(row.id))
  const waitingCount = log.waitingCount - (log.waiting.length - waiting.length)
  return arrive(
    { ...log, rows, waiting, waitingCount },
    page.filter((row) => !shown.has(row.id)),
  )
}

export function hold(log: LiveLog): LiveLog {
  return log.held ? log : { ...log, held: true }
}

export function release(log: LiveLog): LiveLog {
  return { rows: merge(log.rows, log.waiting), held: false, waiting: [], waitingCount: 0 }
}

export function label(log: LiveLog, event: FeedbackEvent): LiveLog {
  const mark = (row: Row): Row =>
    row.id === event.prediction_id ? { ...row, feedback: { label: event.label, correct: event.correct } } : row
  return { ...log, rows: log.rows.map(mark), waiting: log.waiting.map(mark) }
}

/** Newest first by time, then by id (ids of one millisecond ascend too). A row that is known keeps its feedback. */
export function merge(rows: readonly Row[], incoming: readonly Row[]): Row[] {
  const byId = new Map(rows.map((row) => [row.id, row]))
  for (const row of incoming) {
    const known = byId.get(row.id)
    if (!known) byId.set(row.id, row)
    else if (!known.feedback && row.feedback) byId.set(row.id, { ...known, feedback: row.feedback })
  }
  return [...byId.values()].sort(newestFirst).slice(0, ROWS_MAX)
}

function newestFirst(a: Row, b: Row): number {
  if (a.at !== b.at) return a.at < b.at ? 1 : -1
  return a.id < b.id ? 1 : -1
}
