/**
 * Commits on PostgreSQL: a connection of their own, a pipeline, each statement one way over the network with whole
 * columns. A connection that owes an answer for too long is given up, and the next commit opens another.
 */
import { Client, type ClientConfig, type QueryResult } from 'pg'
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
import type { StoreLogger } from '../openStore.ts'
import { factsOf, isConnectionUsable, meaningOf, NoAnswer, toFault, unreachable } from './faults.ts'
import type { PostgresLimits } from './limits.ts'

export interface Commits {
  /** One at a time. */
  commit(batch: Batch): Promise<CommitResult>
  /** Rejects where a commit would not get through now; opens the connection where there is none. */
  check(): Promise<void>
  readonly open: boolean
  /** Ends the connection at once; a commit under way fails. */
  abandon(): void
  close(): Promise<void>
}

export interface CommitsNeeds {
  readonly config: ClientConfig
  readonly limits: PostgresLimits
  readonly statements: Statements
  readonly logger: StoreLogger | undefined
}

interface Connection {
  readonly client: Client
  readonly memory: CommitMemory
  renewAt: number
  /** When the server last answered. */
  heardAt: number
}

/** Attempts at a commit that loses against another replica (the same caller's id at once, a deadlock over feedback). */
const ATTEMPTS_MAX = 5
/** Between two attempts to connect: doubles from the first to the last, in ms. */
const BACKOFF_MS = { first: 100, last: 3200 }
/** A connection that could not be replaced when it was due is tried again after this. */
const RENEW_AGAIN_MS = 60_000
/** Set with every transaction, not with the session: a pooler may give each transaction another session. */
const BEGIN = 'begin; set local synchronous_commit = on'

export function commits({ config, limits, statements, logger }: CommitsNeeds): Commits {
  /** Also those that are being opened or replaced. */
  const clients = new Set<Client>()
  let open: Connection | null = null
  let opening: Promise<Connection> | null = null
  /** The connection of the commit under way. */
  let committing: Connection | null = null
  let backoffMs = BACKOFF_MS.first
  let connectAfter = 0
  let ended = false

  async function connect(): Promise<Connection> {
    if (ended) throw new Fault('stopping')
    const client = new Client({
      ...config,
      pipeline: true,
      statement_timeout: limits.statementMs.commit,
      lock_timeout: limits.lockMs,
      idle_in_transaction_session_timeout: limits.idleTransactionMs.commit,
    })
    clients.add(client)
    client.on('error', () => drop(client))
    client.on('end', () => {
      clients.delete(client)
      drop(client)
    })
    try {
      await client.connect()
      // A number for each connection: what an old one still does at the server cannot meet what the new one adds up.
      const silence = setTimeout(() => giveUp(client, limits.connectMs), limits.connectMs)
      const { rows } = await client
        .query<{ replica: number }>("select nextval('replicas')::integer as replica")
        .finally(() => clearTimeout(silence))
      return {
        client,
        memory: { replica: rows[0].replica, versions: new Map() },
        renewAt: performance.now() + limits.lifetimeMs,
        heardAt: performance.now(),
      }
    } catch (error) {
      destroy(client)
      throw error
    }
  }

  async function connected(): Promise<Connection> {
    if (ended) throw new Fault('stopping')
    if (open !== null) return open
    opening ??= openNow().finally(() => {
      opening = null
    })
    return await opening
  }

  async function openNow(): Promise<Connection> {
    if (performance.now() < connectAfter)
      throw new Fault('store_unavailable', {
        retryAfterSeconds: 1,
        cause: new Error('The database could not be reached a moment ago.'),
      })
    try {
      open = await connect()
    } catch (error) {
      connectAfter = performance.now() + backoffMs
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MS.last)
      throw unreachable(error)
    }
    backoffMs = BACKOFF_MS.first
    if (!ended) return open
    drop(open.client)
    throw new Fault('stopping')
  }

  /** A connection that has answered lately, or does so now, and is not too old. */
  async function ready(): Promise<Connection> {
    const at = await connected()
    if (performance.now() >= at.renewAt) return await renewed(at)
    if (performance.now() - at.heardAt < limits.trustMs) return at
    try {
      await ask(at, 'select 1', limits.probeMs)
      return at
    } catch (error) {
      logger?.warn(factsOf(error), 'the idle connection for commits was dead and is replaced')
      drop(at.client)
      return await connected()
    }
  }

  async function renewed(old: Connection): Promise<Connection> {
    try {
      const fresh = await connect()
      if (open === old) open = fresh
      old.client.end().catch(() => {})
      return fresh
    } catch (error) {
      logger?.warn(factsOf(error), 'the connection for commits could not be renewed, and the old one is kept')
      old.renewAt = performance.now() + RENEW_AGAIN_MS
      return old
    }
  }

  function drop(client: Client) {
    if (open?.client === client) open = null
    destroy(client)
  }

  /** One statement by itself. */
  async function ask(to: Connection, text: string, ms: number): Promise<QueryResult> {
    const timer = setTimeout(() => giveUp(to.client, ms), ms)
    try {
      return await heard(to, to.client.query(text))
    } finally {
      clearTimeout(timer)
    }
  }

  /** Notes when the answer came. */
  async function heard<T>(to: Connection, answer: Promise<T>): Promise<T> {
    try {
      return await answer
    } finally {
      to.heardAt = performance.now()
    }
  }

  function giveUp(client: Client, ms: number) {
    if (open?.client === client) open = null
    // Every answer that it owes is this error.
    client.connection.stream.destroy(new NoAnswer(ms))
  }

  async function attempt(batch: Batch): Promise<CommitResult> {
    const to = await ready()
    committing = to
    to.heardAt = performance.now()
    const sent: Promise<QueryResult>[] = []
    const silence = setTimeout(() => giveUp(to.client, limits.answerMs.commit), limits.answerMs.commit)
    const send = (answer: Promise<QueryResult>) => {
      const known = heard(to, answer).finally(() => silence.refresh())
      // What fails is looked at when all has been sent, not reported as unhandled meanwhile.
      known.catch(() => {})
      sent.push(known)
      return known
    }
    try {
      // Two statements in one message: two results, of which none is looked at.
      void send(to.client.query(BEGIN))
      const result = await drive(to, batch, send)
      const { command } = await send(to.client.query('commit'))
      await Promise.all(sent)
      // A statement that failed turns the commit into a rollback, and has been thrown by now.
      if (command !== 'COMMIT') throw new Error(`The commit ended as ${command}.`)
      return result
    } catch (error) {
      // What follows on an error fails, too, because of it ("current transaction is aborted"): the first one says why.
      const ends = await Promise.allSettled(sent)
      const first: unknown = ends.find((end) => end.status === 'rejected')?.reason ?? error
      if (ends.some((end) => end.status === 'rejected' && !isConnectionUsable(end.reason))) drop(to.client)
      else await ask(to, 'rollback', limits.probeMs).catch(() => drop(to.client))
      throw first
    } finally {
      committing = null
      clearTimeout(silence)
    }
  }

  async function drive(
    to: Connection,
    batch: Batch,
    send: (answer: Promise<QueryResult>) => Promise<QueryResult>,
  ): Promise<CommitResult> {
    const steps = commitSteps(batch, to.memory)
    let step = steps.next()
    while (step.done !== true) step = steps.next(await runAsk(to, step.value, send))
    return step.value
  }

  /** Waits only where the steps need the answer: the connection is a pipeline. */
  async function runAsk(
    { client }: Connection,
    { statement, columns }: Ask,
    send: (answer: Promise<QueryResult>) => Promise<QueryResult>,
  ): Promise<Rows> {
    const text = statements[statement]
    if (text === null) return []
    const answer = send(client.query({ name: statement, text: text.sql, values: columnsOf(text, columns) }))
    return text.answers ? (await answer).rows : []
  }

  return {
    async commit(batch) {
      for (let left = ATTEMPTS_MAX - 1; ; left--) {
        try {
          return await attempt(batch)
        } catch (error) {
          if (error instanceof VersionUnknown) throw new Fault('version_unknown', { cause: error })
          if (left === 0 || meaningOf(error) !== 'again') throw toFault(error)
        }
      }
    },
    async check() {
      if (committing === null) await ready()
      else if (performance.now() - committing.heardAt > limits.checkMs) throw new NoAnswer(limits.checkMs)
    },
    get open() {
      return open !== null
    },
    abandon() {
      ended = true
      for (const client of clients) drop(client)
    },
    async close() {
      ended = true
      await open?.client.end()
    },
  }
}

function destroy(client: Client) {
  client.connection.stream.destroy()
}
