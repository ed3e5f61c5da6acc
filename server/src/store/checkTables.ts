import type { Kysely } from 'kysely'
import type { Millis } from '../domain/time.ts'
import type { Tables } from './tables.ts'

/** Writes a mark and reads it back. */
export async function checkTables(write: Kysely<Tables>, read: Kysely<Tables>, now: Millis): Promise<void> {
  await write
    .insertInto('marks')
    .values({ name: 'checked', value: now })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: now }))
    .execute()
  await read.selectFrom('marks').select('value').where('name', '=', 'checked').executeTakeFirstOrThrow()
}
