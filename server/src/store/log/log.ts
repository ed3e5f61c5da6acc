/** Reads of the log. */
import { sql } from 'kysely'
import { HOUR_MS } from '../../domain/time.ts'
import type { SeqRange } from '../capabilities.ts'
import type { Database } from '../database.ts'
import type { HourStats, Log, LogFilter, StatsFilter } from '../store.ts'
import type { HoursTable } from '../tables.ts'
import { fieldColumns } from './columns.ts'
import { readCursor, writeCursor } from './cursor.ts'
import { type LoggedRow, loggedColumns, toLogged } from './loggedRow.ts'
import { countRows, retain } from './retain.ts'
import { addSketch, hourOf, idPrefix } from './rollUp.ts'
import { terms } from './terms.ts'

/** Rows of one step of `stream`. */
const CHUNK_ROWS = 500

export function log(database: Database): Log {
  const { read } = database

  async function page(filter: LogFilter, limit: number, cursor: string | null) {
    const before = cursor === null ? Number.MAX_SAFE_INTEGER : readCursor(cursor)
    const range = await rangeOf(database, filter)
    if (range === null) return { rows: [], next: null }
    if (filter.words !== undefined) await database.can.refreshSearch(read)
    const rows: LoggedRow[] = []
    for (const window of windows({ ...range, seqMax: Math.min(range.seqMax, before - 1) }, database.can.scanRows)) {
      const found: LoggedRow[] = await narrow(loggedColumns(read), filter, window, database)
        .where('p.seq', '>=', window.seqMin)
        .where('p.seq', '<=', window.seqMax)
        .orderBy(orderOf(filter), 'desc')
        .limit(limit + 1 - rows.length)
        .execute()
      rows.push(...found)
      if (rows.length > limit) break
    }
    const kept = rows.slice(0, limit)
    return { rows: kept.map(toLogged), next: rows.length > limit ? writeCursor(kept[limit - 1].seq) : null }
  }

  return {
    page,
    async get(id) {
      const row: LoggedRow | undefined =
        (await loggedColumns(read).where('p.id', '=', id).executeTakeFirst()) ??
        (await loggedColumns(read).where('p.caller_id', '=', id).orderBy('p.seq', 'desc').limit(1).executeTakeFirst())
      return row === undefined ? null : toLogged(row)
    },
    async *stream(filter, limit = Number.POSITIVE_INFINITY) {
      let cursor: string | null = null
      for (let left = limit; left > 0; ) {
        const { rows, next } = await page(filter, Math.min(left, CHUNK_ROWS), cursor)
        if (rows.length > 0) yield rows
        if (next === null) return
        left -= rows.length
        cursor = next
      }
    },
    hours: (filter) => hours(database, filter),
    retain: (limits) => retain(database, limits),
    count: () => countRows(read),
  }
}

/** The same order by either name, but by the second SQLite takes it from the index of the feedback and need not sort. */
function orderOf({ feedback }: LogFilter) {
  return feedback === 'correct' || feedback === 'wrong' ? 'f.prediction_seq' : 'p.seq'
}

/** The parts of a range that are looked at one after the other, newest first, each larger than the one before. */
function* windows({ seqMin, seqMax }: SeqRange, scanRows: Database['can']['scanRows']): Iterable<SeqRange> {
  let rows = scanRows === null ? Number.MAX_SAFE_INTEGER : scanRows.first
  for (let high = seqMax; high >= seqMin; ) {
    yield { seqMin: Math.max(seqMin, high - rows + 1), seqMax: high }
    high -= rows
    rows = Math.min(rows * 4, scanRows?.most ?? rows)
  }
}

/**
 * Where in the log the rows of a filter can be at all, from the roll-ups: a scan stays inside. Null for nowhere.
 * The order of positions is nearly that of times but not quite, so the exact times are compared as well.
 */
async function rangeOf({ read }: Database, filter: LogFilter): Promise<SeqRange | null> {
  const { low, high } = await hoursOf(read, filter)
    .where('hours.rows', '>', 0)
    .select((is) => [is.fn.min('hours.seq_min').as('low'), is.fn.max('hours.seq_max').as('high')])
    .executeTakeFirstOrThrow()
  return low === null || high === null ? null : { seqMin: low, seqMax: high }
}

function hoursOf(read: Database['read'], { task, model, version, since, until }: Partial<StatsFilter>) {
  let query = read.selectFrom('hours').innerJoin('versions', 'versions.id', 'hours.version_id')
  if (task !== undefined) query = query.where('versions.task', '=', task)
  if (model !== undefined) query = query.where('versions.model', '=', model)
  if (version !== undefined) query = query.where('versions.version', '=', version)
  if (since !== undefined) query = query.where('hours.hour', '>=', hourOf(since))
  if (until !== undefined) query = query.where('hours.hour', '<', Math.ceil(until / HOUR_MS) * HOUR_MS)
  return query
}

function narrow(all: ReturnType<typeof loggedColumns>, filter: LogFilter, window: SeqRange, { read, can }: Database) {
  const { model, version, since, until, feedback, words } = filter
  let query = all
  for (const { column, operator, value } of comparisons(filter)) query = query.where(column, operator, value)
  if (model !== undefined || version !== undefined) {
    let versions = read.selectFrom('versions').select('versions.id')
    if (model !== undefined) versions = versions.where('versions.model', '=', model)
    if (version !== undefined) versions = versions.where('versions.version', '=', version)
    query = query.where('p.version_id', 'in', versions)
  }
  // Only the start of the id is the time; as an expression it also keeps the plan on the order of the log.
  const time = sql<string>`substr(p.id, 1, 13)`
  if (since !== undefined) query = query.where(time, '>=', idPrefix(Math.ceil(since)))
  if (until !== undefined) query = query.where(time, '<', idPrefix(Math.ceil(until)))
  if (feedback === 'none') query = query.where('f.prediction_seq', 'is', null)
  else if (feedback === 'any') query = query.where('f.prediction_seq', 'is not', null)
  else if (feedback !== undefined) query = query.where('f.correct', '=', feedback === 'correct' ? 1 : 0)
  if (words !== undefined) {
    const found = terms(words)
    query = query.where(found.length === 0 ? sql.lit(false) : can.hasTerms(found, window))
  }
  return query
}

type Comparison = {
  readonly column: `p.${keyof typeof fieldColumns}`
  readonly operator: '=' | '>=' | '<='
  readonly value: never // of the column's type, as ColumnFilter says
}

/** What a filter says of the columns of the log. */
function comparisons(filter: LogFilter): Comparison[] {
  const given = filter as Readonly<Record<string, unknown>> // looked up by the names that ColumnFilter makes
  return Object.entries(fieldColumns).flatMap(([name, { field, filter: how }]) => {
    const compare = (operator: Comparison['operator'], key: string) =>
      given[key] === undefined ? [] : [{ column: `p.${name}`, operator, value: given[key] } as Comparison]
    if (how === 'equal') return compare('=', field)
    return how === 'range' ? [...compare('>=', `${field}Min`), ...compare('<=', `${field}Max`)] : []
  })
}

/** The rows of all replicas of an hour and version are one. */
async function hours({ read }: Database, filter: StatsFilter): Promise<readonly HourStats[]> {
  const rows = await hoursOf(read, filter).selectAll('hours').orderBy('hours.hour').execute()
  const stats = new Map<number, Sums>()
  for (const row of rows) addRow(stats, row)
  return [...stats.values()]
}

interface Sums extends HourStats {
  readonly labels: Record<string, number>
  readonly latency: Map<number, number>
  rows: number
  confidenceSum: number
  feedbackRows: number
  feedbackCorrect: number
}

function addRow(stats: Map<number, Sums>, row: HoursTable) {
  const sums = stats.get(row.hour) ?? emptySums(row.hour)
  stats.set(row.hour, sums)
  sums.rows += row.rows
  sums.confidenceSum += row.confidence_sum
  sums.feedbackRows += row.feedback_rows
  sums.feedbackCorrect += row.feedback_correct
  for (const [label, count] of Object.entries(JSON.parse(row.labels) as Record<string, number>)) {
    sums.labels[label] = (sums.labels[label] ?? 0) + count
  }
  addSketch(sums.latency, row.latency)
}

function emptySums(hour: number): Sums {
  // Without a prototype, so that any label is only a label.
  const labels = Object.create(null) as Record<string, number>
  return { hour, labels, latency: new Map(), rows: 0, confidenceSum: 0, feedbackRows: 0, feedbackCorrect: 0 }
}
