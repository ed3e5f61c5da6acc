/** A row of the log with its version and the label that counts: how it is asked for, and what it becomes. */
import { type Kysely, sql } from 'kysely'
import type { LoggedPrediction } from '../../domain/prediction.ts'
import type { FeedbackCurrentTable, PredictionsTable, Tables } from '../tables.ts'
import { timeOfId } from './rollUp.ts'

export interface LoggedRow extends PredictionsTable {
  readonly model: string
  readonly version: number
  /** JSON. */
  readonly labels: string
  readonly feedback_label: FeedbackCurrentTable['label'] | null
  readonly feedback_at: number | null
  readonly feedback_correct: number | null
  readonly feedback_changes: number | null
}

/** Every query of logged rows starts with this. */
export function loggedColumns(db: Kysely<Tables>) {
  return db
    .selectFrom('predictions as p')
    .leftJoin('feedback_current as f', 'f.prediction_seq', 'p.seq')
    .selectAll('p')
    .select((is) => [
      is.selectFrom('versions as v').whereRef('v.id', '=', 'p.version_id').select('v.model').$asScalar().as('model'),
      is
        .selectFrom('versions as v')
        .whereRef('v.id', '=', 'p.version_id')
        .select('v.version')
        .$asScalar()
        .as('version'),
      is.selectFrom('versions as v').whereRef('v.id', '=', 'p.version_id').select('v.labels').$asScalar().as('labels'),
      sql.ref<string | null>('f.label').as('feedback_label'),
      sql.ref<number | null>('f.at').as('feedback_at'),
      sql.ref<number | null>('f.correct').as('feedback_correct'),
      sql.ref<number | null>('f.changes').as('feedback_changes'),
    ])
}

export function toLogged(row: LoggedRow): LoggedPrediction {
  return {
    id: row.id,
    at: timeOfId(row.id),
    task: row.task,
    model: row.model,
    version: row.version,
    variant: row.variant,
    label: row.label,
    confidence: row.confidence,
    probabilities: JSON.parse(row.probabilities) as number[],
    latencyMs: row.latency_ms,
    drift: row.drift === 1,
    text: row.text,
    textHash: row.text_hash,
    chars: row.chars,
    tokens: row.tokens,
    unknown: row.unknown,
    source: row.source,
    callerId: row.caller_id,
    keyId: row.key_id,
    labels: JSON.parse(row.labels) as string[],
    feedback:
      row.feedback_label === null
        ? null
        : {
            label: row.feedback_label,
            at: row.feedback_at ?? 0,
            correct: row.feedback_correct === 1,
            changes: row.feedback_changes ?? 0,
          },
  }
}
