/** Deletes the oldest rows of the log, one bounded step a transaction: what was done stays done if it is stopped. */
import { sql, type Transaction } from 'kysely'
import type { Database } from '../database.ts'
import type { Log } from '../store.ts'
import type { Tables } from '../tables.ts'
import { idPrefix } from './rollUp.ts'

type Limits = Parameters<Log['retain']>[0]

export async function retain({ write, can }: Database, limits: Limits): Promise<number> {
  let removed = 0
  for (let step = 0; step < limits.stepsMax; step++) {
    const seqs = await write.transaction().execute(async (trx) => {
      await can.exclusive(trx)
      const oldest = await choose(trx, limits)
      if (oldest.length > 0) await remove(trx, oldest, can)
      return oldest
    })
    removed += seqs.length
    if (seqs.length < limits.stepRows) break
  }
  return removed
}

/** The positions of the next step's rows, at most `stepRows`: what is too old, else what is too much. */
async function choose(trx: Transaction<Tables>, { rowsMax, olderThan, stepRows }: Limits): Promise<readonly number[]> {
  const aged =
    olderThan === null
      ? []
      : await trx
          .selectFrom('predictions')
          .select('seq')
          .where('id', '<', idPrefix(Math.ceil(olderThan)))
          .orderBy('id')
          .limit(stepRows)
          .execute()
  if (aged.length > 0 || rowsMax === null) return aged.map((row) => row.seq)
  const excess = Math.min(stepRows, (await countRows(trx)) - rowsMax)
  if (excess <= 0) return []
  const first = await trx.selectFrom('predictions').select('seq').orderBy('seq').limit(excess).execute()
  return first.map((row) => row.seq)
}

async function remove(trx: Transaction<Tables>, seqs: readonly number[], can: Database['can']) {
  await can.forgetSearch(trx, seqs)
  const listed = sql<number>`(${sql.join(seqs.map((seq) => sql.lit(seq)))})`
  await trx.deleteFrom('feedback').where('prediction_seq', 'in', listed).execute()
  await trx.deleteFrom('feedback_current').where('prediction_seq', 'in', listed).execute()
  await trx.deleteFrom('predictions').where('seq', 'in', listed).execute()
  await raise(trx, 'removed', seqs.length, 'add')
  await raise(trx, 'seq', Math.max(...seqs), 'max')
}

/** Rows in the log, without counting them: the roll-ups know all that came, the mark what went. */
export async function countRows(db: Database['read']): Promise<number> {
  const { rows } = await db
    .selectFrom('hours')
    .select((is) => is.fn.sum<number | null>('rows').as('rows'))
    .executeTakeFirstOrThrow()
  const removed = await db.selectFrom('marks').select('value').where('name', '=', 'removed').executeTakeFirst()
  return (rows ?? 0) - (removed?.value ?? 0)
}

async function raise(trx: Transaction<Tables>, name: string, value: number, how: 'add' | 'max') {
  const before = await trx.selectFrom('marks').select('value').where('name', '=', name).executeTakeFirst()
  const after = how === 'add' ? (before?.value ?? 0) + value : Math.max(before?.value ?? 0, value)
  await trx
    .insertInto('marks')
    .values({ name, value: after })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: after }))
    .execute()
}
