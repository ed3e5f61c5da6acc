/** The pool: what it lends answers within a time, or is given up and replaced. */
import type { PostgresPool, PostgresPoolClient } from 'kysely'
import { Client, type ClientConfig, Pool, type PoolClient } from 'pg'
import { Fault } from '../../domain/faults.ts'
import type { StoreLogger } from '../openStore.ts'
import { factsOf, isConnectionUsable, NoAnswer, unreachable } from './faults.ts'
import type { PostgresLimits } from './limits.ts'

export interface ConnectionPool {
  /** The pool as Kysely wants it, whose queries have `answerMs` each. */
  lends(answerMs: number): PostgresPool
  readonly open: number
  readonly idle: number
  /** Callers that wait for a connection. */
  readonly waiting: number
  /** Ends every connection at once; its queries fail. */
  abandon(): void
  /** Waits for what is lent. */
  close(): Promise<void>
}

export function connectionPool(
  config: ClientConfig,
  limits: PostgresLimits,
  logger: StoreLogger | undefined,
): ConnectionPool {
  const clients = new Set<Client>()
  const pool = new Pool({
    ...config,
    // All of them, also those that are being opened: the pool tells only of those that are open.
    Client: class extends Client {
      constructor(given?: string | ClientConfig) {
        super(given)
        clients.add(this)
        this.once('end', () => clients.delete(this))
        // One that is lent says by its query that it broke; without a listener the event would end the process.
        this.on('error', () => {})
      }
    },
    max: limits.poolMax,
    statement_timeout: limits.statementMs.read,
    lock_timeout: limits.lockMs,
    idle_in_transaction_session_timeout: limits.idleTransactionMs.pool,
    idleTimeoutMillis: limits.idleMs,
    maxLifetimeSeconds: limits.lifetimeMs / 1000,
  })
  // An idle connection that breaks is replaced when one is needed.
  pool.on('error', (error) => logger?.warn(factsOf(error), 'a database connection broke'))
  const heardAt = new WeakMap<PoolClient, number>()
  let lostAt = -Infinity
  let abandoned = false
  let closing: Promise<void> | null = null

  async function borrow(): Promise<PoolClient> {
    for (;;) {
      if (abandoned || closing !== null) throw new Fault('stopping')
      const client = await pool.connect().catch((error: unknown) => {
        throw unreachable(error)
      })
      if (await isAlive(client)) return client
      client.release(true)
    }
  }

  /** A connection can be dead without a word: the server's machine is gone, or a firewall forgot it. */
  async function isAlive(client: PoolClient): Promise<boolean> {
    const heard = heardAt.get(client)
    if (heard === undefined) return true
    // One that was found dead speaks for all that are as old: they would cost the same wait each.
    if (heard < lostAt) return false
    if (performance.now() - heard < limits.trustMs) return true
    try {
      await answerOf(client, client.query('select 1'), limits.probeMs)
      return true
    } catch (error) {
      logger?.warn(factsOf(error), 'an idle database connection was dead and is replaced')
      return false
    }
  }

  /** Rejects with NoAnswer after its time, and ends the connection: it would answer the next query with this one's rows. */
  function answerOf<T>(client: PoolClient, answer: Promise<T>, ms: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        lostAt = performance.now()
        reject(new NoAnswer(ms))
        void client.end()
      }, ms)
      answer.then(
        (value) => {
          clearTimeout(timer)
          heardAt.set(client, performance.now())
          resolve(value)
        },
        (error: unknown) => {
          clearTimeout(timer)
          reject(error)
        },
      )
    })
  }

  function lends(answerMs: number): PostgresPool {
    return {
      options: {},
      async connect(): Promise<PostgresPoolClient> {
        const client = await borrow()
        let usable = true
        const query = async (text: string, values: readonly unknown[]) => {
          try {
            return await answerOf(client, client.query(text, [...values]), answerMs)
          } catch (error) {
            usable &&= isConnectionUsable(error)
            throw error
          }
        }
        return {
          // Its rows are what Kysely's types say; the other form, with a cursor, is only for who was given cursors.
          query: query as unknown as PostgresPoolClient['query'],
          release(destroy) {
            client.release(destroy === true || !usable)
          },
        }
      },
      end: () => (closing ??= pool.end()),
    }
  }

  return {
    lends,
    get open() {
      return pool.totalCount
    },
    get idle() {
      return pool.idleCount
    },
    get waiting() {
      return pool.waitingCount
    },
    abandon() {
      abandoned = true
      for (const client of clients) client.connection.stream.destroy()
    },
    close: () => (closing ??= pool.end()),
  }
}
