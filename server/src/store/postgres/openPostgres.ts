/** PostgreSQL: one connection for commits, a pool for everything else. */
import { Kysely, PostgresDialect, sql } from 'kysely'
import { type ClientConfig, Pool, TypeOverrides } from 'pg'
import { Fault } from '../../domain/faults.ts'
import type { Database } from '../database.ts'
import { compileStatements } from '../log/statements.ts'
import type { StoreLogger } from '../openStore.ts'
import type { Tables } from '../tables.ts'
import { postgresCapabilities } from './capabilities.ts'
import { type Commits, commits } from './commits.ts'
import { toFault } from './faults.ts'

export interface PostgresOptions {
  readonly url: string
  readonly logger: StoreLogger | undefined
}

const POOL_CONNECTIONS = 6
const CONNECT_MS = 3000
const STATEMENT_MS = { read: 30_000, commit: 10_000 }
/** Object identifiers of `bigint` and `numeric` in PostgreSQL's catalogue (pg_type). Ours stay below 2^53. */
const NUMBERS = [20, 1700]

export function openPostgres({ url, logger }: PostgresOptions): Database {
  const types = new TypeOverrides()
  for (const oid of NUMBERS) types.setTypeParser(oid, Number)
  const config: ClientConfig = {
    connectionString: url,
    types,
    connectionTimeoutMillis: CONNECT_MS,
    application_name: 'barometer',
    keepAlive: true,
  }
  const pool = new Pool({ ...config, max: POOL_CONNECTIONS, statement_timeout: STATEMENT_MS.read })
  // An idle connection that breaks is replaced when one is needed.
  pool.on('error', (error) => logger?.warn({ err: error }, 'a database connection broke'))
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  let open: Commits | null = null

  return {
    dialect: 'postgres',
    read: db,
    write: db,
    can: postgresCapabilities,
    commit(batch) {
      if (open === null) throw new Fault('not_ready')
      return open.commit(batch)
    },
    toFault,
    async integrity() {
      // A server checks its own pages (data_checksums, pg_amcheck).
      return []
    },
    async facts() {
      const { rows } = await sql<{ bytes: number }>`select pg_database_size(current_database()) as bytes`.execute(db)
      return { databaseBytes: rows[0].bytes, connections: pool.totalCount, waitingForConnection: pool.waitingCount }
    },
    async start() {
      const { rows } = await sql<{ replica: number }>`select nextval('replicas') as replica`.execute(db)
      open = commits({
        config: { ...config, statement_timeout: STATEMENT_MS.commit },
        statements: compileStatements(db, postgresCapabilities),
        replica: rows[0].replica,
      })
    },
    async close() {
      await open?.close()
      await db.destroy()
    },
  }
}
