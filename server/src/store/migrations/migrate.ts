/** Numbered migrations, each in its own transaction, under a lock, so that processes that start together take turns. */
import type { Kysely } from 'kysely'
import { Fault } from '../../domain/faults.ts'
import type { Millis } from '../../domain/time.ts'
import type { Capabilities } from '../capabilities.ts'
import type { Database } from '../database.ts'
import type { Tables } from '../tables.ts'
import { migration as log } from './0001-log.ts'
import { migration as training } from './0002-training.ts'
import { migration as view } from './0003-view.ts'

export interface Migration {
  readonly number: number
  readonly name: string
  up(db: Kysely<Tables>, can: Capabilities): Promise<void>
}

/** In order, without gaps. A migration that was released never changes. */
export const migrations: readonly Migration[] = [log, training, view]

export interface MigrationStatus {
  readonly number: number
  readonly name: string
  /** Null while it waits to be applied. */
  readonly at: Millis | null
}

/** Applies what is missing and returns it. Throws where the database is newer than this program. */
export async function migrate(database: Database, now: () => Millis, all = migrations): Promise<readonly Migration[]> {
  return await database.migrations.transaction().execute(async (trx) => {
    await database.can.exclusive(trx, { patient: true })
    await database.can.refuseForeign(trx)
    await trx.schema
      .createTable('migrations')
      .ifNotExists()
      .addColumn('number', 'integer', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('at', 'bigint', (column) => column.notNull())
      .execute()
    const applied = await trx.selectFrom('migrations').selectAll().orderBy('number').execute()
    refuseNewer(
      applied.map((row) => row.number),
      all,
    )
    const missing = all.filter((migration) => !applied.some((row) => row.number === migration.number))
    for (const migration of missing) {
      await migration.up(trx, database.can)
      await trx.insertInto('migrations').values({ number: migration.number, name: migration.name, at: now() }).execute()
    }
    return missing
  })
}

/** Every migration that this program knows, and when it was applied; changes nothing. */
export async function migrationStatus(database: Database, all = migrations): Promise<readonly MigrationStatus[]> {
  const exists = await database.read.introspection.getTables()
  const applied = exists.some((table) => table.name === 'migrations')
    ? await database.read.selectFrom('migrations').selectAll().execute()
    : []
  refuseNewer(
    applied.map((row) => row.number),
    all,
  )
  return all.map(({ number, name }) => ({ number, name, at: applied.find((row) => row.number === number)?.at ?? null }))
}

function refuseNewer(applied: readonly number[], all: readonly Migration[]) {
  const newest = Math.max(0, ...applied)
  const known = all.at(-1)?.number ?? 0
  if (newest <= known) return
  throw new Fault('store_unusable', {
    say:
      `The database is at schema ${newest}, and this version of Barometer knows schemas up to ${known}. ` +
      'Start the newer version that made it, or restore a backup from before.',
  })
}
