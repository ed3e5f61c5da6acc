/**
 * `prediction_logs`: the log for people and their SQL tools. Its columns are a promise (docs/guide/operations.md): later
 * migrations may add some, but rename, drop or retype none, whatever the tables behind it become.
 */
import { sql } from 'kysely'
import type { Migration } from './migrate.ts'

export const migration: Migration = {
  number: 3,
  name: 'view',
  async up(db, can) {
    // Over a join neither database lets anybody write through it.
    await sql`create view prediction_logs as select
        p.id,
        ${can.timestampOf(sql.ref('p.id'))} as predicted_at,
        p.task,
        p.label as sentiment,
        p.confidence as confidence_score,
        p.text,
        v.model,
        v.version,
        p.latency_ms,
        f.label as feedback,
        p.source
      from predictions as p
      join versions as v on v.id = p.version_id
      left join feedback_current as f on f.prediction_seq = p.seq`.execute(db)
  },
}
