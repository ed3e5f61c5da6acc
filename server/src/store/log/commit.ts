/**
 * One commit, step by step, without knowing what runs it: the steps ask for statements and get rows. SQLite answers
 * inside its thread without a pause (sqlite/thread.ts), PostgreSQL over the network (postgres/commits.ts).
 */
import type { FeedbackOutcome } from '../../domain/prediction.ts'
import type { FeedbackCurrentTable, HoursTable, VersionsTable } from '../tables.ts'
import type { Batch, FeedbackColumns, PredictionColumns } from './batch.ts'
import type { LoggedRow } from './loggedRow.ts'
import {
  addSketch,
  countPrediction,
  emptyRollUp,
  hourOf,
  noCounts,
  type RollUp,
  timeOfId,
  writeSketch,
} from './rollUp.ts'
import type { InputOf, Statement, StatementName } from './statements.ts'

/** Runs `statement` once for every row of `columns`; the answer is the rows of all runs, in any order. */
export type Ask = { readonly [Name in StatementName]: AskOf<Name> }[StatementName]
interface AskOf<Name extends StatementName> {
  readonly statement: Name
  readonly columns: InputOf<Name>
}
export type Rows = readonly object[]

/** The columns of an ask in the order of its statement's parameters. */
export function columnsOf({ parameters }: Statement, columns: Ask['columns']): unknown[][] {
  const byName = columns as Readonly<Record<string, unknown[]>> // each statement's own names
  return parameters.map((name) => byName[name])
}
export type Steps<T> = Generator<Ask, T, Rows>

export interface CommitResult {
  /** Rows of the batch whose caller's id had been used for the same text: row → the first prediction. */
  readonly repeated: readonly (readonly [row: number, first: LoggedRow])[]
  /** Rows of the batch whose caller's id had been used for another text. */
  readonly conflicts: readonly number[]
  /** One a row of feedback. */
  readonly feedback: readonly FeedbackOutcome[]
}

/** What stays from commit to commit: versions never change. */
export interface CommitMemory {
  readonly replica: number
  readonly versions: Map<string, VersionRow>
}

interface VersionRow {
  readonly id: number
  readonly labels: readonly string[]
}

/** Thrown inside a commit: the batch names a version that the registry lacks. */
export class VersionUnknown extends Error {}

const NOTHING_SPECIAL: CommitResult = { repeated: [], conflicts: [], feedback: [] }

/** All of it in one transaction that the caller begins and ends. Throws before the first change. */
export function* commitSteps(batch: Batch, memory: CommitMemory): Steps<CommitResult> {
  const rollUps = new Map<string, RollUp>()
  const logged =
    batch.predictions.id.length === 0 ? NOTHING_SPECIAL : yield* logPredictions(batch.predictions, rollUps, memory)
  const feedback = batch.feedback.at.length === 0 ? [] : yield* takeFeedback(batch.feedback, rollUps)
  if (rollUps.size > 0) yield* addRollUps([...rollUps.values()], memory.replica)
  return feedback.length === 0 ? logged : { ...logged, feedback }
}

function* logPredictions(
  all: PredictionColumns,
  rollUps: Map<string, RollUp>,
  memory: CommitMemory,
): Steps<CommitResult> {
  const versions = yield* resolveVersions(all, memory)
  const earlier = yield* findEarlier(all, memory)
  const columns = earlier === null ? all : keepRows(all, earlier.fresh)
  const ids = earlier === null ? versions : earlier.fresh.map((row) => versions[row])
  const rows = columns.id.length
  if (rows > 0) {
    const [{ first }] = (yield { statement: 'firstSeq', columns: {} }) as [{ first: number }]
    const seqs = Array.from({ length: rows }, (_, i) => first + i)
    const whole = { ...columns, seq: seqs, version_id: ids }
    for (const part of parts(whole)) yield { statement: 'insertPredictions', columns: part }
    for (let i = 0; i < rows; i++) {
      const rollUp = rollUpOf(rollUps, hourOf(timeOfId(columns.id[i])), ids[i])
      countPrediction(rollUp, seqs[i], columns.label[i], columns.confidence[i], columns.latency_ms[i])
    }
  }
  return earlier === null ? NOTHING_SPECIAL : earlier
}

/** Text of one statement, in characters: a statement has a time limit, and the words of a text take the most of it. */
const STATEMENT_CHARS_MAX = 1_000_000

/** The same rows in runs that one statement can take. */
function* parts<C extends { readonly text: readonly (string | null)[] }>(all: C): Iterable<C> {
  let from = 0
  let chars = 0
  for (let row = 0; row < all.text.length; row++) {
    chars += all.text[row]?.length ?? 0
    const isLast = row === all.text.length - 1
    if (chars < STATEMENT_CHARS_MAX && !isLast) continue
    yield from === 0 && isLast ? all : slice(all, from, row + 1)
    from = row + 1
    chars = 0
  }
}

function slice<C extends object>(all: C, from: number, to: number): C {
  const part = Object.entries(all).map(([name, column]) => [name, (column as unknown[]).slice(from, to)])
  return Object.fromEntries(part) as C // the same names, fewer rows
}

/** The key of each row's version. */
function* resolveVersions(all: PredictionColumns, memory: CommitMemory): Steps<number[]> {
  const keys = all.model.map((_, row) => versionKey(all, row))
  const missing = [...new Set(keys)].filter((key) => !memory.versions.has(key))
  if (missing.length > 0) {
    const at = missing.map((key) => keys.indexOf(key))
    const found = (yield {
      statement: 'version',
      columns: { model: at.map((row) => all.model[row]), version: at.map((row) => all.version[row]) },
    }) as Pick<VersionsTable, 'id' | 'model' | 'version' | 'labels'>[]
    for (const { id, model, version, labels } of found) {
      memory.versions.set(`${version} ${model}`, { id, labels: JSON.parse(labels) as string[] })
    }
  }
  return keys.map((key) => {
    const version = memory.versions.get(key)
    if (version === undefined) throw new VersionUnknown(`The registry has no version ${key}.`)
    return version.id
  })
}

function versionKey(all: PredictionColumns, row: number): string {
  return `${all.version[row]} ${all.model[row]}`
}

interface Earlier extends CommitResult {
  /** Rows that are written. */
  readonly fresh: number[]
}

/** Which rows repeat a caller's id, of the log or of an earlier row of the same batch. Null where no row has one. */
function* findEarlier(all: PredictionColumns, memory: CommitMemory): Steps<Earlier | null> {
  const named = all.caller_id.flatMap((callerId, row) => (callerId === null ? [] : [row]))
  if (named.length === 0) return null
  const known = new Map<string, LoggedRow>()
  const found = (yield {
    statement: 'byCaller',
    columns: { task: named.map((row) => all.task[row]), caller_id: named.map((row) => all.caller_id[row]) },
  }) as LoggedRow[]
  for (const row of found) known.set(`${row.task} ${row.caller_id}`, row)
  const fresh: number[] = []
  const repeated: [number, LoggedRow][] = []
  const conflicts: number[] = []
  for (let row = 0; row < all.id.length; row++) {
    const key = all.caller_id[row] === null ? null : `${all.task[row]} ${all.caller_id[row]}`
    const first = key === null ? undefined : known.get(key)
    if (first === undefined) {
      fresh.push(row)
      if (key !== null) known.set(key, unwrittenRow(all, row, memory))
    } else if (first.text_hash === all.text_hash[row]) repeated.push([row, first])
    else conflicts.push(row)
  }
  return { fresh, repeated, conflicts, feedback: [] }
}

/** A row of this batch as the log will have it. */
function unwrittenRow(all: PredictionColumns, row: number, memory: CommitMemory): LoggedRow {
  return {
    ...rowOf(all, row),
    seq: 0,
    version_id: 0,
    labels: JSON.stringify(memory.versions.get(versionKey(all, row))?.labels),
    feedback_label: null,
    feedback_at: null,
    feedback_correct: null,
    feedback_changes: null,
  }
}

function rowOf(
  all: PredictionColumns,
  row: number,
): { [Name in keyof PredictionColumns]: PredictionColumns[Name][number] } {
  const values = Object.entries(all).map(([name, column]) => [name, column[row]])
  return Object.fromEntries(values) as ReturnType<typeof rowOf> // the same names
}

function keepRows(all: PredictionColumns, rows: readonly number[]): PredictionColumns {
  const kept = Object.entries(all).map(([name, column]) => [name, rows.map((row) => (column as unknown[])[row])])
  return Object.fromEntries(kept) as PredictionColumns // the same names, fewer rows
}

interface Target {
  readonly seq: number
  readonly id: string
  readonly task: string
  readonly label: string
  readonly version_id: number
  readonly labels: string
}

function* takeFeedback(items: FeedbackColumns, rollUps: Map<string, RollUp>): Steps<FeedbackOutcome[]> {
  const targets = yield* findTargets(items.prediction_id)
  const current = yield* lockCurrent([...new Set([...targets.values()].map((target) => target.seq))])
  const changed = new Set<number>()
  const accepted: number[] = []
  const outcomes = items.label.map((label, row): FeedbackOutcome => {
    const target = targets.get(items.prediction_id[row])
    if (target === undefined) return { kind: 'prediction-unknown' }
    const labels = JSON.parse(target.labels) as string[]
    if (!labels.includes(label)) return { kind: 'label-unknown', labels }
    const before = current.get(target.seq)
    const correct = label === target.label
    const rollUp = rollUpOf(rollUps, hourOf(timeOfId(target.id)), target.version_id)
    if (before === undefined) rollUp.feedbackRows += 1
    rollUp.feedbackCorrect += Number(correct) - (before?.correct ?? 0)
    const kind = before === undefined ? 'new' : before.label === label ? 'repeated' : 'changed'
    current.set(target.seq, {
      prediction_seq: target.seq,
      label,
      at: items.at[row],
      correct: Number(correct),
      changes: (before?.changes ?? 0) + (kind === 'changed' ? 1 : 0),
    })
    changed.add(target.seq)
    accepted.push(row)
    return { kind, id: target.id, task: target.task, label, correct, previousLabel: before?.label ?? null }
  })
  yield* writeFeedback(
    items,
    accepted,
    targets,
    [...changed].map((seq) => current.get(seq) as FeedbackCurrentTable),
  ) // set above
  return outcomes
}

/** By the prediction's own id, else by the caller's (the newest, where several tasks have it). */
function* findTargets(given: readonly string[]): Steps<Map<string, Target>> {
  const ids = [...new Set(given)]
  const targets = new Map<string, Target>()
  for (const row of (yield { statement: 'byId', columns: { id: ids } }) as Target[]) targets.set(row.id, row)
  const rest = ids.filter((id) => !targets.has(id))
  if (rest.length === 0) return targets
  const byCaller = (yield { statement: 'byCallerOfAnyTask', columns: { id: rest } }) as (Target & {
    caller_id: string
  })[]
  for (const row of byCaller) targets.set(row.caller_id, row)
  return targets
}

function* lockCurrent(seqs: readonly number[]): Steps<Map<number, FeedbackCurrentTable>> {
  if (seqs.length === 0) return new Map()
  yield { statement: 'lock', columns: { seq: seqs } }
  const rows = (yield { statement: 'current', columns: { seq: seqs } }) as FeedbackCurrentTable[]
  return new Map(rows.map((row) => [row.prediction_seq, row]))
}

function* writeFeedback(
  items: FeedbackColumns,
  accepted: readonly number[],
  targets: ReadonlyMap<string, Target>,
  current: readonly FeedbackCurrentTable[],
): Steps<void> {
  if (accepted.length === 0) return
  yield {
    statement: 'insertFeedback',
    columns: {
      prediction_seq: accepted.map((row) => targets.get(items.prediction_id[row])?.seq),
      at: accepted.map((row) => items.at[row]),
      label: accepted.map((row) => items.label[row]),
      comment: accepted.map((row) => items.comment[row]),
      key_id: accepted.map((row) => items.key_id[row]),
    },
  }
  yield {
    statement: 'putCurrent',
    columns: {
      prediction_seq: current.map((row) => row.prediction_seq),
      label: current.map((row) => row.label),
      at: current.map((row) => row.at),
      correct: current.map((row) => row.correct),
      changes: current.map((row) => row.changes),
    },
  }
}

function rollUpOf(rollUps: Map<string, RollUp>, hour: number, versionId: number): RollUp {
  const key = `${hour} ${versionId}`
  let rollUp = rollUps.get(key)
  if (rollUp === undefined) rollUps.set(key, (rollUp = emptyRollUp(hour, versionId)))
  return rollUp
}

/** Reads what the hours have, adds, writes back. Only this replica writes these rows, so nothing comes between. */
function* addRollUps(added: readonly RollUp[], replica: number): Steps<void> {
  const hours = added.map((rollUp) => rollUp.hour)
  const versions = added.map((rollUp) => rollUp.versionId)
  const replicas = added.map(() => replica)
  const before = (yield {
    statement: 'rollUp',
    columns: { hour: hours, version_id: versions, replica: replicas },
  }) as HoursTable[]
  const sums = added.map((rollUp) =>
    addHour(
      rollUp,
      before.find((row) => row.hour === rollUp.hour && row.version_id === rollUp.versionId),
    ),
  )
  yield {
    statement: 'putRollUp',
    columns: {
      hour: hours,
      version_id: versions,
      replica: replicas,
      rows: sums.map((sum) => sum.rows),
      confidence_sum: sums.map((sum) => sum.confidenceSum),
      labels: sums.map((sum) => JSON.stringify(sum.labels)),
      latency: sums.map((sum) => writeSketch(sum.latency)),
      feedback_rows: sums.map((sum) => sum.feedbackRows),
      feedback_correct: sums.map((sum) => sum.feedbackCorrect),
      seq_min: sums.map((sum) => sum.seqMin),
      seq_max: sums.map((sum) => sum.seqMax),
    },
  }
}

function addHour(added: RollUp, before: HoursTable | undefined): RollUp {
  if (before === undefined) return added
  return {
    ...added,
    rows: before.rows + added.rows,
    confidenceSum: before.confidence_sum + added.confidenceSum,
    labels: addCounts(Object.assign(noCounts(), JSON.parse(before.labels)), added.labels),
    latency: addSketch(added.latency, before.latency),
    feedbackRows: before.feedback_rows + added.feedbackRows,
    feedbackCorrect: before.feedback_correct + added.feedbackCorrect,
    seqMin: Math.min(before.seq_min, added.seqMin),
    seqMax: Math.max(before.seq_max, added.seqMax),
  }
}

function addCounts(to: Record<string, number>, from: Readonly<Record<string, number>>) {
  for (const key in from) to[key] = (to[key] ?? 0) + from[key]
  return to
}
