/**
 * Group commit. Calls queue up; one commit is under way; when it is on disk its promises resolve and all that came
 * meanwhile is the next one. Nothing waits for company: an idle journal commits a single row at once.
 */
import assert from 'node:assert/strict'
import { Fault } from '../../domain/faults.ts'
import type { Feedback, FeedbackOutcome, Prediction } from '../../domain/prediction.ts'
import type { Appended, Journal } from '../store.ts'
import { type Batch, newBatch, setFeedback, setPrediction } from './batch.ts'
import type { CommitResult } from './commit.ts'
import { toLogged } from './loggedRow.ts'

export interface JournalLimits {
  /** Rows that may wait or be under way; more are refused with Fault('overloaded'). */
  readonly queueRowsMax: number
  /** A commit takes no further call once it has this many rows. */
  readonly commitRowsMax: number
  /** The same limits in characters of text, because a row can be long. */
  readonly queueCharsMax: number
  readonly commitCharsMax: number
}

export interface JournalNeeds {
  commit(batch: Batch): Promise<CommitResult>
}

export interface OpenJournal extends Journal {
  /** Resolves when nothing waits any more; what comes later is refused. */
  drain(): Promise<void>
  /** Refuses what waits and what comes; the commit under way is left to the database. */
  abandon(): void
  readonly commits: number
}

/** One call: its rows stay together in one commit. */
type Call =
  | {
      readonly kind: 'one'
      readonly prediction: Prediction
      resolve(answer: Appended): void
      reject(error: unknown): void
    }
  | {
      readonly kind: 'many'
      readonly predictions: readonly Prediction[]
      resolve(answer: readonly Appended[]): void
      reject(error: unknown): void
    }
  | {
      readonly kind: 'feedback'
      readonly items: readonly Feedback[]
      resolve(answer: readonly FeedbackOutcome[]): void
      reject(error: unknown): void
    }

/** What would meet every call of the commit alike. */
const DATABASE_FAULTS: ReadonlySet<string> = new Set(['store_unavailable', 'store_unusable', 'stopping'])

const LOGGED: Appended = { kind: 'logged' }

export function journal(needs: JournalNeeds, limits: JournalLimits): OpenJournal {
  let waiting: Call[] = []
  let rows = 0
  let chars = 0
  let commits = 0
  let busy = false
  let closing = false
  let idle: (() => void) | null = null

  function enqueue(call: Call) {
    const callRows = rowsOf(call)
    const callChars = charsOf(call)
    // A count that is no number would be one for ever after, and refuse whatever comes.
    assert(Number.isSafeInteger(callRows) && Number.isSafeInteger(callChars), 'a call whose size is no number')
    const refused = refusal(callRows, callChars)
    if (refused !== null) return call.reject(refused)
    rows += callRows
    chars += callChars
    waiting.push(call)
    if (busy) return
    busy = true
    // After the input of this turn of the event loop, so that requests that came together are committed together.
    setImmediate(() => void run())
  }

  function refusal(moreRows: number, moreChars: number): Fault | null {
    if (closing) return new Fault('stopping')
    const full = rows + moreRows > limits.queueRowsMax || chars + moreChars > limits.queueCharsMax
    return full ? new Fault('overloaded', { retryAfterSeconds: 1 }) : null
  }

  async function run() {
    for (let calls = takeCalls(); calls.length > 0; calls = takeCalls()) await commitCalls(calls)
    assert(rows === 0 && chars === 0, 'an empty journal that counts rows')
    busy = false
    idle?.()
  }

  function takeCalls(): Call[] {
    let takenRows = 0
    let takenChars = 0
    let end = 0
    while (end < waiting.length && takenRows < limits.commitRowsMax && takenChars < limits.commitCharsMax) {
      takenRows += rowsOf(waiting[end])
      takenChars += charsOf(waiting[end])
      end += 1
    }
    const calls = end === waiting.length ? waiting : waiting.slice(0, end)
    waiting = end === waiting.length ? [] : waiting.slice(end)
    return calls
  }

  async function commitCalls(calls: readonly Call[]): Promise<void> {
    try {
      const result = await needs.commit(batchOf(calls))
      commits += 1
      settle(calls, result)
      leave(calls)
    } catch (error) {
      // The database is at fault, or this call is: then it fails alone.
      if (isUnavailable(error)) refuse(calls, error)
      else if (calls.length === 1) refuse(calls, error)
      else await commitEach(calls)
    }
  }

  /** A database that is lost meanwhile is not asked again for each call that is left. */
  async function commitEach(calls: readonly Call[]): Promise<void> {
    for (const [i, call] of calls.entries()) {
      try {
        const result = await needs.commit(batchOf([call]))
        commits += 1
        settle([call], result)
        leave([call])
      } catch (error) {
        if (isUnavailable(error)) return refuse(calls.slice(i), error)
        refuse([call], error)
      }
    }
  }

  function refuse(calls: readonly Call[], error: unknown) {
    for (const call of calls) call.reject(error)
    leave(calls)
  }

  function leave(calls: readonly Call[]) {
    for (const call of calls) {
      rows -= rowsOf(call)
      chars -= charsOf(call)
    }
  }

  return {
    append: (predictions) =>
      predictions.length === 0
        ? Promise.resolve([])
        : new Promise((resolve, reject) => enqueue({ kind: 'many', predictions, resolve, reject })),
    appendOne: (prediction) => new Promise((resolve, reject) => enqueue({ kind: 'one', prediction, resolve, reject })),
    feedback: (items) =>
      items.length === 0
        ? Promise.resolve([])
        : new Promise((resolve, reject) => enqueue({ kind: 'feedback', items, resolve, reject })),
    get depth() {
      return rows
    },
    get commits() {
      return commits
    },
    async drain() {
      closing = true
      if (busy) await new Promise<void>((resolve) => (idle = resolve))
    },
    abandon() {
      closing = true
      refuse(waiting.splice(0), new Fault('stopping'))
    },
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof Fault && DATABASE_FAULTS.has(error.code)
}

function rowsOf(call: Call): number {
  if (call.kind === 'one') return 1
  return call.kind === 'many' ? call.predictions.length : call.items.length
}

function charsOf(call: Call): number {
  if (call.kind === 'one') return call.prediction.text?.length ?? 0
  let chars = 0
  if (call.kind === 'many') for (const { text } of call.predictions) chars += text?.length ?? 0
  else for (const { comment } of call.items) chars += comment?.length ?? 0
  return chars
}

function batchOf(calls: readonly Call[]): Batch {
  let predictions = 0
  let feedback = 0
  for (const call of calls) {
    if (call.kind === 'feedback') feedback += call.items.length
    else predictions += rowsOf(call)
  }
  const batch = newBatch(predictions, feedback)
  let p = 0
  let f = 0
  for (const call of calls) {
    if (call.kind === 'one') setPrediction(batch, p++, call.prediction)
    else if (call.kind === 'many') for (const prediction of call.predictions) setPrediction(batch, p++, prediction)
    else for (const item of call.items) setFeedback(batch, f++, item)
  }
  return batch
}

function settle(calls: readonly Call[], result: CommitResult) {
  const plain = result.repeated.length + result.conflicts.length === 0
  const special = new Map<number, Appended>()
  for (const [row, first] of result.repeated) special.set(row, { kind: 'repeated', first: toLogged(first) })
  for (const row of result.conflicts) special.set(row, { kind: 'conflict' })
  const appended = (row: number) => (plain ? LOGGED : (special.get(row) ?? LOGGED))
  let p = 0
  let f = 0
  for (const call of calls) {
    if (call.kind === 'one') call.resolve(appended(p++))
    else if (call.kind === 'many') call.resolve(call.predictions.map(() => appended(p++)))
    else call.resolve(result.feedback.slice(f, (f += call.items.length)))
  }
}
