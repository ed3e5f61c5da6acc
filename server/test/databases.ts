/** The databases that a scenario runs on: SQLite in the server's own folder, and a real PostgreSQL. */
import { type PostgresServer, startPostgres } from './contracts/postgresServer.ts'

export interface TestDatabase {
  readonly name: string
  /** Value of DATABASE_URL for a database with nothing in it. */
  fresh(): Promise<string | null>
  end(): Promise<void>
}

const sqlite: TestDatabase = { name: 'SQLite', fresh: async () => null, end: async () => undefined }

function postgres(): TestDatabase {
  let server: PostgresServer | null = null
  return {
    name: 'PostgreSQL',
    async fresh() {
      server ??= await startPostgres()
      return server.createDatabase()
    },
    async end() {
      await server?.remove()
    },
  }
}

export const databases: readonly TestDatabase[] = [sqlite, postgres()]
