/** Training runs, what happened in them, and the trials of their searches. */
import type { Migration } from './migrate.ts'

export const migration: Migration = {
  number: 2,
  name: 'training',
  async up(db, can) {
    await db.schema
      .createTable('training_runs')
      .addColumn('id', can.orderedTextType, (column) => column.primaryKey())
      .addColumn('model', 'text', (column) => column.notNull())
      .addColumn('task', 'text', (column) => column.notNull())
      .addColumn('recipe', 'text', (column) => column.notNull())
      .addColumn('asked', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('who', 'text', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('started_at', 'bigint')
      .addColumn('ended_at', 'bigint')
      .addColumn('heartbeat_at', 'bigint')
      .addColumn('worker', 'text')
      .addColumn('attempts', 'integer', (column) => column.notNull())
      .addColumn('cancel_asked', 'integer', (column) => column.notNull())
      .addColumn('unattended', 'integer', (column) => column.notNull())
      .addColumn('result_model', 'text')
      .addColumn('result_version', 'integer')
      .addColumn('fault', 'text')
      .addColumn('point', 'text')
      .addColumn('evaluated', 'text')
      .execute()
    await db.schema
      .createIndex('training_runs_by_state')
      .on('training_runs')
      .columns(['state', 'unattended', 'id'])
      .execute()
    await db.schema
      .createTable('training_events')
      .addColumn('run_id', can.orderedTextType, (column) => column.notNull().references('training_runs.id'))
      .addColumn('seq', 'integer', (column) => column.notNull())
      .addColumn('at', 'bigint', (column) => column.notNull())
      .addColumn('point', 'integer')
      .addColumn('event', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('training_events_key', ['run_id', 'seq'])
      .execute()
    await db.schema
      .createTable('training_trials')
      .addColumn('run_id', can.orderedTextType, (column) => column.notNull().references('training_runs.id'))
      .addColumn('number', 'integer', (column) => column.notNull())
      .addColumn('trial', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('training_trials_key', ['run_id', 'number'])
      .execute()
  },
}
