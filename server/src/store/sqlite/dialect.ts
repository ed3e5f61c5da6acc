/** Kysely over a SQLite thread: queries are built here and run there. */
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { SqliteError, type Thread } from './threads.ts'

export function sqliteDialect(thread: Thread): Dialect {
  return {
    createDriver: () => threadDriver(thread),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  }
}

/** A thread has one connection, so a transaction has it for itself until it ends. */
function threadDriver(thread: Thread): Driver {
  const connection = threadConnection(thread)
  let free: Promise<void> = Promise.resolve()
  let release: () => void = () => {}
  const run = async (sql: string) => void (await connection.executeQuery(CompiledQuery.raw(sql)))
  return {
    async init() {},
    async acquireConnection() {
      const before = free
      let done: () => void = () => {}
      free = new Promise((resolve) => (done = resolve))
      await before
      release = done
      return connection
    },
    async releaseConnection() {
      release()
    },
    beginTransaction: () => run('begin immediate'),
    commitTransaction: () => run('commit'),
    async rollbackTransaction() {
      // A full disk ends the transaction by itself; why it ended is what the caller must hear.
      await run('rollback').catch((error: unknown) => {
        if (!(error instanceof SqliteError && /no transaction is active/.test(error.message))) throw error
      })
    },
    async destroy() {},
  }
}

function threadConnection(thread: Thread): DatabaseConnection {
  return {
    async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
      const { columns, rows, changes } = await thread.ask({ kind: 'query', sql, parameters }, 'rows')
      const values = typeof rows === 'string' ? (JSON.parse(rows) as unknown[][]) : rows
      return {
        // The query says what R is; the columns are the ones that it names.
        rows: values.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])) as R),
        numAffectedRows: BigInt(changes),
      }
    },
    streamQuery() {
      throw new Error('The log is read in pages.')
    },
  }
}
