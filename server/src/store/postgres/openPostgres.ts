/** PostgreSQL: connections for commits, a pool for everything else. */
import { sql } from 'kysely'
import { type ClientConfig, Pool, TypeOverrides } from 'pg'
import { Fault } from '../../domain/faults.ts'
import { checkTables } from '../checkTables.ts'
import type { Database } from '../database.ts'
import { compileStatements } from '../log/statements.ts'
import type { StoreLogger } from '../openStore.ts'
import { postgresCapabilities } from './capabilities.ts'
import { type Commits, commits } from './commits.ts'
import { kyselyOver } from './dialect.ts'
import { factsOf, toFault } from './faults.ts'
import { POSTGRES_LIMITS, type PostgresLimits } from './limits.ts'
import { connectionPool } from './pool.ts'

export interface PostgresOptions {
  readonly url: string
  readonly logger: StoreLogger | undefined
  readonly limits: Partial<PostgresLimits>
}

/** Object identifiers of `bigint` and `numeric` in PostgreSQL's catalogue (pg_type). Ours stay below 2^53. */
const NUMBERS = [20, 1700]
/** A migration that has not answered for so long is told of: it may wait for another server's. */
const PATIENCE_MS = 10_000

export function openPostgres({ url, logger, limits: given }: PostgresOptions): Database {
  const limits = { ...POSTGRES_LIMITS, ...given }
  const types = new TypeOverrides()
  for (const oid of NUMBERS) types.setTypeParser(oid, Number)
  const config: ClientConfig = {
    connectionString: url,
    types,
    connectionTimeoutMillis: limits.connectMs,
    application_name: 'barometer',
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  }
  const pool = connectionPool(config, limits, logger)
  const read = kyselyOver(pool.lends(limits.answerMs.read))
  const lookups = kyselyOver(pool.lends(limits.answerMs.lookup))
  const write = kyselyOver(pool.lends(limits.answerMs.write))
  const migrations = kyselyOver(patientPool(config, logger))
  let lanes: { readonly small: Commits; readonly large: Commits } | null = null
  const started = () => {
    if (lanes === null) throw new Fault('not_ready')
    return lanes
  }
  const all = () => (lanes === null ? [] : [lanes.small, lanes.large])

  return {
    dialect: 'postgres',
    read,
    lookups,
    write,
    migrations,
    can: postgresCapabilities,
    commit: async (batch) => await started().small.commit(batch),
    commitLarge: async (batch) => await started().large.commit(batch),
    toFault,
    async integrity() {
      // A server checks its own pages (data_checksums, pg_amcheck).
      return []
    },
    check: (now) =>
      within(limits.checkMs, async () => {
        await started().small.check()
        await checkTables(lookups, lookups, now)
      }),
    async facts() {
      const { rows } = await sql<{ bytes: number }>`select pg_database_size(current_database()) as bytes`.execute(
        lookups,
      )
      return { databaseBytes: rows[0].bytes, connections: pool.open, waitingForConnection: pool.waiting }
    },
    connections() {
      const committing = all().filter((lane) => lane.open).length
      return { open: pool.open + committing, idle: pool.idle, waiting: pool.waiting }
    },
    async start() {
      await migrations.destroy()
      const statements = compileStatements(read, postgresCapabilities)
      const needs = { config, limits, statements, logger }
      lanes = { small: commits(needs), large: commits(needs) }
      await lanes.small.check()
    },
    abandon() {
      for (const lane of all()) lane.abandon()
      pool.abandon()
    },
    async close() {
      await Promise.all(all().map((lane) => lane.close()))
      await migrations.destroy()
      await pool.close()
    },
  }
}

/** One connection without limits of time, so that a large log can be migrated, and so that servers can wait for each other. */
function patientPool(config: ClientConfig, logger: StoreLogger | undefined) {
  const pool = new Pool({ ...config, max: 1, idleTimeoutMillis: 1000, allowExitOnIdle: true })
  pool.on('error', (error) => logger?.warn(factsOf(error), 'a database connection broke'))
  pool.on('connect', (client) => {
    client.on('error', () => {})
    const asked = performance.now()
    const tell = setInterval(() => {
      const seconds = Math.round((performance.now() - asked) / 1000)
      logger?.warn({ seconds }, 'migrating, or waiting for another server that migrates')
    }, PATIENCE_MS).unref()
    client.once('end', () => clearInterval(tell))
  })
  return pool
}

/** Rejects when the work has not ended in time; the work itself has limits of its own. */
async function within(ms: number, work: () => Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new Fault('store_unavailable', { say: `The database has not answered for ${ms / 1000} s.` })),
    ms,
  )
  try {
    await Promise.race([work(), late.promise])
  } finally {
    clearTimeout(timer)
  }
}
