/** Commits on PostgreSQL: one connection of their own, each statement one way over the network with whole columns. */
import { Client, type ClientConfig } from 'pg'
import { Fault } from '../../domain/faults.ts'
import type { Batch } from '../log/batch.ts'
import {
  type Ask,
  type CommitMemory,
  type CommitResult,
  columnsOf,
  commitSteps,
  type Rows,
  VersionUnknown,
} from '../log/commit.ts'
import type { Statements } from '../log/statements.ts'
import { codeOf, toFault } from './faults.ts'

export interface Commits {
  commit(batch: Batch): Promise<CommitResult>
  close(): Promise<void>
}

interface CommitsNeeds {
  readonly config: ClientConfig
  readonly statements: Statements
  /** This replica's number, which only it has. */
  readonly replica: number
}

/** Attempts at a commit that loses against another replica (the same caller's id at once, a deadlock over feedback). */
const ATTEMPTS_MAX = 5
/** Between two attempts to connect: doubles from the first to the last, in ms. */
const BACKOFF_MS = { first: 100, last: 3200 }

export function commits({ config, statements, replica }: CommitsNeeds): Commits {
  const memory: CommitMemory = { replica, versions: new Map() }
  let client: Client | null = null
  let backoffMs = BACKOFF_MS.first
  let connectAfter = 0

  async function connected(): Promise<Client> {
    if (client !== null) return client
    if (performance.now() < connectAfter)
      throw unavailable(new Error('The database could not be reached a moment ago.'))
    const fresh = new Client({ ...config, pipeline: true })
    // A connection that breaks while idle is replaced by the next commit.
    fresh.on('error', () => drop(fresh))
    fresh.on('end', () => drop(fresh))
    try {
      await fresh.connect()
      await fresh.query('set synchronous_commit = on')
    } catch (error) {
      connectAfter = performance.now() + backoffMs
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MS.last)
      drop(fresh)
      throw unavailable(error)
    }
    backoffMs = BACKOFF_MS.first
    client = fresh
    return fresh
  }

  function drop(broken: Client) {
    if (client === broken) client = null
    broken.end().catch(() => {})
  }

  async function attempt(batch: Batch): Promise<CommitResult> {
    const to = await connected()
    const sent: Promise<unknown>[] = []
    try {
      send(sent, to.query('begin'))
      const result = await drive(to, batch, sent)
      send(sent, to.query('commit'))
      // A statement that failed has turned the commit into a rollback; its error says why.
      await Promise.all(sent)
      return result
    } catch (error) {
      await Promise.allSettled(sent)
      // Without an answer to this the connection is of no use, and the server rolls back by itself.
      await to.query('rollback').catch(() => drop(to))
      throw error
    }
  }

  async function drive(to: Client, batch: Batch, sent: Promise<unknown>[]): Promise<CommitResult> {
    const steps = commitSteps(batch, memory)
    let step = steps.next()
    while (step.done !== true) step = steps.next(await runAsk(to, step.value, sent))
    return step.value
  }

  /** Waits only where the steps need the answer: the connection is a pipeline. */
  async function runAsk(to: Client, { statement, columns }: Ask, sent: Promise<unknown>[]): Promise<Rows> {
    const text = statements[statement]
    if (text === null) return []
    const answer = to.query({ name: statement, text: text.sql, values: columnsOf(text, columns) })
    if (text.answers) return (await answer).rows
    send(sent, answer)
    return []
  }

  return {
    async commit(batch) {
      for (let left = ATTEMPTS_MAX - 1; ; left--) {
        try {
          return await attempt(batch)
        } catch (error) {
          if (left === 0 || !lostRace(error)) {
            throw error instanceof VersionUnknown ? new Fault('version_unknown', { cause: error }) : toFault(error)
          }
        }
      }
    },
    async close() {
      await client?.end()
    },
  }
}

/** What fails is looked at when all has been sent, not reported as unhandled meanwhile. */
function send(sent: Promise<unknown>[], answer: Promise<unknown>) {
  answer.catch(() => {})
  sent.push(answer)
}

function unavailable(cause: unknown): Fault {
  return new Fault('store_unavailable', { retryAfterSeconds: 1, cause })
}

/** Another replica was first with a caller's id, or the server chose this transaction to give way. */
function lostRace(error: unknown): boolean {
  const code = codeOf(error)
  if (code === '23505') return (error as { constraint?: string }).constraint === 'predictions_by_caller'
  return code === '40001' || code === '40P01'
}
