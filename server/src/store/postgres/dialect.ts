/** Kysely over our pool. */
import { Kysely, PostgresDialect, PostgresDriver, type PostgresPool } from 'kysely'
import type { Tables } from '../tables.ts'

export function kyselyOver(pool: PostgresPool): Kysely<Tables> {
  const dialect = new PostgresDialect({ pool })
  return new Kysely<Tables>({
    dialect: {
      createAdapter: () => dialect.createAdapter(),
      createDriver: () => new Driver({ pool }),
      createIntrospector: (db) => dialect.createIntrospector(db),
      createQueryCompiler: () => dialect.createQueryCompiler(),
    },
  })
}

class Driver extends PostgresDriver {
  /** A rollback that fails gives the connection up; what is thrown is the error that it was for. */
  override async rollbackTransaction(connection: Parameters<PostgresDriver['rollbackTransaction']>[0]): Promise<void> {
    await super.rollbackTransaction(connection).catch(() => {})
  }
}
