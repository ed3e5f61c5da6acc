/** The log with its feedback and roll-ups, the registry, the keys. */
import { sql } from 'kysely'
import type { Migration } from './migrate.ts'

export const migration: Migration = {
  number: 1,
  name: 'log',
  async up(db, can) {
    await db.schema
      .createTable('marks')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('value', 'bigint', (column) => column.notNull())
      .execute()

    await db.schema
      .createTable('versions')
      .addColumn('id', can.serialType, (column) => column.primaryKey())
      .addColumn('model', 'text', (column) => column.notNull())
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('task', 'text', (column) => column.notNull())
      .addColumn('stage', 'text', (column) => column.notNull())
      .addColumn('digest', 'text', (column) => column.notNull().unique())
      .addColumn('manifest', 'text', (column) => column.notNull())
      .addColumn('labels', 'text', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addUniqueConstraint('versions_by_number', ['model', 'version'])
      .execute()
    await db.schema
      .createIndex('versions_one_production')
      .on('versions')
      .column('task')
      .unique()
      .where(sql.ref('stage'), '=', 'production')
      .execute()

    await db.schema
      .createTable('stage_events')
      .addColumn('seq', can.longSerialType, (column) => column.primaryKey())
      .addColumn('at', 'bigint', (column) => column.notNull())
      .addColumn('version_id', 'integer', (column) => column.notNull().references('versions.id'))
      .addColumn('from_stage', 'text')
      .addColumn('to_stage', 'text', (column) => column.notNull())
      .addColumn('action', 'text', (column) => column.notNull())
      .addColumn('who', 'text', (column) => column.notNull())
      .addColumn('why', 'text', (column) => column.notNull())
      .execute()
    await can.appendOnly(db, 'stage_events')

    await db.schema
      .createTable('artifact_files')
      .addColumn('digest', 'text', (column) => column.notNull().references('versions.digest'))
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('bytes', can.bytesType, (column) => column.notNull())
      .addPrimaryKeyConstraint('artifact_files_key', ['digest', 'name'])
      .execute()

    await db.schema
      .createTable('api_keys')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('hash', 'text', (column) => column.notNull())
      .addColumn('scopes', 'text', (column) => column.notNull())
      .addColumn('rate_per_minute', 'integer')
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('expires_at', 'bigint')
      .addColumn('revoked_at', 'bigint')
      .execute()

    await db.schema
      .createTable('predictions')
      .addColumn('seq', can.positionType, (column) => column.primaryKey())
      .addColumn('id', can.orderedTextType, (column) => column.notNull())
      .addColumn('task', 'text', (column) => column.notNull())
      .addColumn('version_id', 'integer', (column) => column.notNull().references('versions.id'))
      .addColumn('variant', 'text', (column) => column.notNull())
      .addColumn('label', 'text', (column) => column.notNull())
      .addColumn('confidence', 'double precision', (column) => column.notNull())
      .addColumn('probabilities', 'text', (column) => column.notNull())
      .addColumn('latency_ms', 'double precision', (column) => column.notNull())
      .addColumn('drift', 'integer', (column) => column.notNull())
      .addColumn('text_hash', 'text', (column) => column.notNull())
      .addColumn('chars', 'integer', (column) => column.notNull())
      .addColumn('tokens', 'integer', (column) => column.notNull())
      .addColumn('unknown', 'integer', (column) => column.notNull())
      .addColumn('source', 'text')
      .addColumn('caller_id', 'text')
      .addColumn('key_id', 'text')
      .addColumn('text', 'text')
      .execute()
    await db.schema.createIndex('predictions_by_id').on('predictions').column('id').unique().execute()
    // The caller's id comes first, so that feedback finds a prediction by it without knowing the task.
    await db.schema
      .createIndex('predictions_by_caller')
      .on('predictions')
      .columns(['caller_id', 'task'])
      .unique()
      .where(sql.ref('caller_id'), 'is not', null)
      .execute()

    await db.schema
      .createTable('feedback')
      .addColumn('seq', can.longSerialType, (column) => column.primaryKey())
      .addColumn('prediction_seq', 'bigint', (column) => column.notNull())
      .addColumn('at', 'bigint', (column) => column.notNull())
      .addColumn('label', 'text', (column) => column.notNull())
      .addColumn('comment', 'text')
      .addColumn('key_id', 'text')
      .execute()
    await db.schema.createIndex('feedback_by_prediction').on('feedback').column('prediction_seq').execute()
    await db.schema
      .createTable('feedback_current')
      .addColumn('prediction_seq', can.positionType, (column) => column.primaryKey())
      .addColumn('label', 'text', (column) => column.notNull())
      .addColumn('at', 'bigint', (column) => column.notNull())
      .addColumn('correct', 'integer', (column) => column.notNull())
      .addColumn('changes', 'integer', (column) => column.notNull())
      .execute()
    await db.schema
      .createIndex('feedback_current_by_correct')
      .on('feedback_current')
      .columns(['correct', 'prediction_seq'])
      .execute()

    await db.schema
      .createTable('hours')
      .addColumn('hour', 'bigint', (column) => column.notNull())
      .addColumn('version_id', 'integer', (column) => column.notNull().references('versions.id'))
      .addColumn('replica', 'integer', (column) => column.notNull())
      .addColumn('rows', 'bigint', (column) => column.notNull())
      .addColumn('confidence_sum', 'double precision', (column) => column.notNull())
      .addColumn('labels', 'text', (column) => column.notNull())
      .addColumn('latency', 'text', (column) => column.notNull())
      .addColumn('feedback_rows', 'bigint', (column) => column.notNull())
      .addColumn('feedback_correct', 'bigint', (column) => column.notNull())
      .addColumn('seq_min', 'bigint', (column) => column.notNull())
      .addColumn('seq_max', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('hours_key', ['hour', 'version_id', 'replica'])
      .execute()

    await can.createPositions(db)
    await can.createSearch(db)
  },
}
