/**
 * A SQLite thread: one connection, one question at a time. Started by threads.ts. It has no event loop to go through:
 * it sleeps on a counter and takes its questions when that moves, which wakes it in half the time (decision 0017).
 */
import type { StatementSync } from 'node:sqlite'
import { receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { Batch } from '../log/batch.ts'
import { type Ask, type CommitMemory, type CommitResult, columnsOf, commitSteps, type Rows } from '../log/commit.ts'
import { type Connection, connect } from './connection.ts'
import { indexRows } from './indexRows.ts'
import { ANSWERED, type Answer, ASKED, type Question, type ThreadData, type ThreadError } from './messages.ts'

const { connection: options, statements, port, counters } = workerData as ThreadData // threads.ts gives no other
const memory: CommitMemory = { replica: 0, versions: new Map() }
let open: Connection | null = null
/** Of the open connection. */
const prepared = new Map<string, Prepared>()

for (let closed = false; !closed; ) {
  const asked = Atomics.load(counters, ASKED)
  const taken: { message: Question } | undefined = receiveMessageOnPort(port) // threads.ts sends no other
  if (taken === undefined) {
    Atomics.wait(counters, ASKED, asked)
    continue
  }
  const answer = answerTo(taken.message)
  port.postMessage(answer)
  Atomics.add(counters, ANSWERED, 1)
  Atomics.notify(counters, ANSWERED)
  closed = answer.kind === 'closed'
}
port.close()

function answerTo(question: Question): Answer {
  if (question.kind === 'close') {
    abandon()
    return { kind: 'closed' }
  }
  try {
    open ??= connect(options)
    if (question.kind === 'query') return runQuery(open, question.sql, question.parameters)
    if (question.kind === 'commit') return { kind: 'committed', result: commit(open, question.batch) }
    return { kind: 'indexed', ...indexStep(open, question.rowsMax) }
  } catch (error) {
    const failed = toThreadError(error)
    // After an input or output error the connection's view of the file is not to be trusted, nor after a failed step of
    // the index that it waits for the disk again: the next question opens another.
    if (isDiskError(failed.code) || question.kind === 'index') abandon()
    return { kind: 'failed', error: failed }
  }
}

function runQuery({ prepare }: Connection, sql: string, parameters: readonly unknown[]): Answer {
  const statement = prepare(sql)
  const columns = statement.columns().map((column) => column.name)
  // Kysely gives what node:sqlite takes: numbers, text, bytes, null.
  const values = parameters as (string | number | null)[]
  if (columns.length === 0) {
    return { kind: 'rows', columns, rows: '[]', changes: Number(statement.run(...values).changes) }
  }
  // setReturnArrays makes rows arrays, which the types of node:sqlite do not know.
  const rows = statement.all(...values) as unknown as unknown[][]
  const bytes = rows.some((row) => row.some((value) => value instanceof Uint8Array))
  return { kind: 'rows', columns, rows: bytes ? rows : JSON.stringify(rows), changes: 0 }
}

function commit(connection: Connection, batch: string): string | null {
  const result = inTransaction(connection, (open) => drive(open, JSON.parse(batch) as Batch))
  return result.repeated.length + result.conflicts.length + result.feedback.length === 0 ? null : JSON.stringify(result)
}

function drive(connection: Connection, batch: Batch): CommitResult {
  const steps = commitSteps(batch, memory)
  let step = steps.next()
  while (step.done !== true) step = steps.next(runAsk(connection, step.value))
  return step.value
}

/** Once a row; all rows of all runs. */
function runAsk(connection: Connection, { statement: name, columns: named }: Ask): Rows {
  const text = statements?.[name] ?? null
  if (text === null) return []
  const { statement, names } = prepareOnce(connection, text.sql)
  const rows: object[] = []
  const columns = columnsOf(text, named)
  const runs = columns.length === 0 ? 1 : columns[0].length
  const values = new Array<string | number | null>(columns.length)
  for (let row = 0; row < runs; row++) {
    for (let i = 0; i < values.length; i++) values[i] = columns[i][row] as string | number | null // what the table holds
    if (names.length === 0) statement.run(...values)
    else for (const found of statement.all(...values) as unknown as unknown[][]) rows.push(toObject(names, found))
  }
  return rows
}

interface Prepared {
  readonly statement: StatementSync
  /** Of its answer; none where it gives no rows. */
  readonly names: readonly string[]
}

/** The few statements of a commit, with the names that asking each time takes longer for than most of them run. */
function prepareOnce({ prepare }: Connection, sql: string): Prepared {
  let found = prepared.get(sql)
  if (found === undefined) {
    const statement = prepare(sql)
    found = { statement, names: statement.columns().map((column) => column.name) }
    prepared.set(sql, found)
  }
  return found
}

function toObject(names: readonly string[], values: readonly unknown[]): object {
  return Object.fromEntries(names.map((name, i) => [name, values[i]]))
}

/**
 * A step of the index need not be on disk when it returns: its progress is in the same transaction, so a step that a
 * power cut took is done again. The next commit's fsync takes it along, and no commit waits for one of its own.
 */
function indexStep(connection: Connection, rowsMax: number) {
  synchronise(connection, 'normal')
  try {
    return inTransaction(connection, (open) => indexRows(open, rowsMax))
  } finally {
    synchronise(connection, 'full')
  }
}

/** SQLite obeys this pragma when it compiles it, so a statement that is kept would do nothing. */
function synchronise({ db }: Connection, level: 'normal' | 'full') {
  db.exec(`pragma synchronous = ${level}`)
  if (db.prepare('pragma synchronous').get()?.['synchronous'] !== (level === 'full' ? 2 : 1))
    throw new Error(`SQLite did not take synchronous = ${level}.`)
}

function inTransaction<T>(connection: Connection, work: (connection: Connection) => T): T {
  prepareOnce(connection, 'begin immediate').statement.run()
  try {
    const result = work(connection)
    prepareOnce(connection, 'commit').statement.run()
    return result
  } catch (error) {
    // A full disk ends the transaction by itself.
    if (connection.db.isTransaction) connection.prepare('rollback').run()
    throw error
  }
}

function abandon() {
  try {
    open?.db.close()
  } catch {
    // It could not be read or written; whether it can be closed changes nothing: what was answered is on disk.
  }
  open = null
  prepared.clear()
}

function toThreadError(error: unknown): ThreadError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), code: null }
  const code = 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : null
  return { name: error.constructor.name, message: error.message, code }
}

function isDiskError(code: number | null): boolean {
  const [IOERR, CORRUPT, CANTOPEN, NOTADB] = [10, 11, 14, 26]
  return code !== null && [IOERR, CORRUPT, CANTOPEN, NOTADB].includes(code & 0xff)
}
