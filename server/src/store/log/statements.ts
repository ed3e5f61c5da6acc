/** The statements of a commit, compiled once when the store opens. Each takes columns of parameters: see Capabilities.input. */
import type { Compilable, Kysely } from 'kysely'
import type { Capabilities } from '../capabilities.ts'
import type { FeedbackTable, PredictionsTable, Tables } from '../tables.ts'
import { loggedColumns } from './loggedRow.ts'

/** A statement as text; `answers` where its rows are needed before the next can be asked. */
export interface Statement {
  readonly sql: string
  readonly answers: boolean
}

export type Statements = ReturnType<typeof compileStatements>
export type StatementName = keyof Statements

/** Most rows that one commit can be given positions for. */
export const COMMIT_ROWS_LIMIT = 65_536

/** The columns of `predictions` in the order in which the commit gives them. */
export const predictionColumns = [
  'seq',
  'id',
  'task',
  'version_id',
  'variant',
  'label',
  'confidence',
  'probabilities',
  'latency_ms',
  'drift',
  'text_hash',
  'chars',
  'tokens',
  'unknown',
  'source',
  'caller_id',
  'key_id',
  'text',
] as const satisfies readonly (keyof PredictionsTable)[]

export function compileStatements(db: Kysely<Tables>, can: Capabilities) {
  const reads = (query: Compilable): Statement => ({ sql: query.compile().sql, answers: true })
  const writes = (query: Compilable): Statement => ({ sql: query.compile().sql, answers: false })
  const target = db
    .selectFrom('predictions as p')
    .innerJoin('versions as v', 'v.id', 'p.version_id')
    .select(['p.seq', 'p.id', 'p.task', 'p.label', 'p.version_id', 'v.labels'])
  return {
    version: reads(
      db
        .selectFrom(can.input<{ model: string; version: number }>({ model: 'text', version: 'integer' }))
        .innerJoin('versions', (join) =>
          join.onRef('versions.model', '=', 'input.model').onRef('versions.version', '=', 'input.version'),
        )
        .select(['versions.id', 'versions.model', 'versions.version', 'versions.labels']),
    ),
    firstSeq: reads(can.firstSeq(db, COMMIT_ROWS_LIMIT)),
    byCaller: reads(
      loggedColumns(db)
        .innerJoin(can.input<{ task: string; caller_id: string }>({ task: 'text', caller_id: 'text' }), (join) =>
          join.onRef('p.caller_id', '=', 'input.caller_id').onRef('p.task', '=', 'input.task'),
        )
        .where('p.caller_id', 'is not', null),
    ),
    insertPredictions: writes(
      db
        .insertInto('predictions')
        .columns(predictionColumns)
        .expression(
          db
            .selectFrom(
              can.input<PredictionsTable>({
                seq: 'integer',
                id: 'text',
                task: 'text',
                version_id: 'integer',
                variant: 'text',
                label: 'text',
                confidence: 'real',
                probabilities: 'text',
                latency_ms: 'real',
                drift: 'integer',
                text_hash: 'text',
                chars: 'integer',
                tokens: 'integer',
                unknown: 'integer',
                source: 'text',
                caller_id: 'text',
                key_id: 'text',
                text: 'text',
              }),
            )
            .select(predictionColumns.map((column) => `input.${column}` as const)),
        ),
    ),
    rollUp: reads(
      db
        .selectFrom(
          can.input<{ hour: number; version_id: number; replica: number }>({
            hour: 'integer',
            version_id: 'integer',
            replica: 'integer',
          }),
        )
        .innerJoin('hours', (join) =>
          join
            .onRef('hours.hour', '=', 'input.hour')
            .onRef('hours.version_id', '=', 'input.version_id')
            .onRef('hours.replica', '=', 'input.replica'),
        )
        .selectAll('hours'),
    ),
    putRollUp: writes(
      db
        .insertInto('hours')
        .columns(rollUpColumns)
        .expression(
          db
            .selectFrom(
              can.input<Tables['hours']>({
                hour: 'integer',
                version_id: 'integer',
                replica: 'integer',
                rows: 'integer',
                confidence_sum: 'real',
                labels: 'text',
                latency: 'text',
                feedback_rows: 'integer',
                feedback_correct: 'integer',
                seq_min: 'integer',
                seq_max: 'integer',
              }),
            )
            .select(rollUpColumns.map((column) => `input.${column}` as const))
            // SQLite takes the ON of ON CONFLICT for a join without this.
            .where((is) => is.lit(true)),
        )
        .onConflict((conflict) =>
          conflict.columns(['hour', 'version_id', 'replica']).doUpdateSet((is) => ({
            rows: is.ref('excluded.rows'),
            confidence_sum: is.ref('excluded.confidence_sum'),
            labels: is.ref('excluded.labels'),
            latency: is.ref('excluded.latency'),
            feedback_rows: is.ref('excluded.feedback_rows'),
            feedback_correct: is.ref('excluded.feedback_correct'),
            seq_min: is.ref('excluded.seq_min'),
            seq_max: is.ref('excluded.seq_max'),
          })),
        ),
    ),
    byId: reads(target.innerJoin(can.input<{ id: string }>({ id: 'text' }), 'input.id', 'p.id').orderBy('p.seq')),
    byCallerOfAnyTask: reads(
      target
        .select('p.caller_id')
        .innerJoin(can.input<{ id: string }>({ id: 'text' }), 'input.id', 'p.caller_id')
        .where('p.caller_id', 'is not', null)
        .orderBy('p.seq'),
    ),
    // What the label that counts is built on is read after this, so that writers in parallel take turns.
    lock:
      can.lockPredictions === null
        ? null
        : reads(
            can.lockPredictions(
              db
                .selectFrom('predictions as p')
                .innerJoin(can.input<{ seq: number }>({ seq: 'integer' }), 'input.seq', 'p.seq')
                .select('p.seq')
                .orderBy('p.seq'),
            ),
          ),
    current: reads(
      db
        .selectFrom(can.input<{ seq: number }>({ seq: 'integer' }))
        .innerJoin('feedback_current as f', 'f.prediction_seq', 'input.seq')
        .selectAll('f'),
    ),
    insertFeedback: writes(
      db
        .insertInto('feedback')
        .columns(feedbackColumns)
        .expression(
          db
            .selectFrom(
              can.input<Omit<FeedbackTable, 'seq'>>({
                prediction_seq: 'integer',
                at: 'integer',
                label: 'text',
                comment: 'text',
                key_id: 'text',
              }),
            )
            .select(feedbackColumns.map((column) => `input.${column}` as const)),
        ),
    ),
    putCurrent: writes(
      db
        .insertInto('feedback_current')
        .columns(currentColumns)
        .expression(
          db
            .selectFrom(
              can.input<Tables['feedback_current']>({
                prediction_seq: 'integer',
                label: 'text',
                at: 'integer',
                correct: 'integer',
                changes: 'integer',
              }),
            )
            .select(currentColumns.map((column) => `input.${column}` as const))
            .where((is) => is.lit(true)),
        )
        .onConflict((conflict) =>
          conflict.column('prediction_seq').doUpdateSet((is) => ({
            label: is.ref('excluded.label'),
            at: is.ref('excluded.at'),
            correct: is.ref('excluded.correct'),
            changes: is.ref('excluded.changes'),
          })),
        ),
    ),
  }
}

const rollUpColumns = [
  'hour',
  'version_id',
  'replica',
  'rows',
  'confidence_sum',
  'labels',
  'latency',
  'feedback_rows',
  'feedback_correct',
  'seq_min',
  'seq_max',
] as const
const feedbackColumns = ['prediction_seq', 'at', 'label', 'comment', 'key_id'] as const
const currentColumns = ['prediction_seq', 'label', 'at', 'correct', 'changes'] as const
