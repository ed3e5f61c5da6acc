/** A row of the log with its version and the label that counts: how it is asked for, and what it becomes. */
import { type Kysely, sql } from 'kysely'
import type { LoggedPrediction } from '../../domain/prediction.ts'
import type { FeedbackCurrentTable, PredictionsTable, Tables } from '../tables.ts'
import { type Field, fieldColumns } from './columns.ts'
import { timeOfId } from './rollUp.ts'

export type LoggedRow = Readonly<PredictionsTable> & {
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

/** A column's line as a reader uses it, whatever its type. */
interface Reads {
  readonly name: keyof typeof fieldColumns
  readonly field: Field
  readonly read: (stored: unknown) => unknown
}

// What `read` gives is what `field` holds: columns.ts writes both on one line.
const reads = Object.entries(fieldColumns).map(([name, { field, read }]) => ({ name, field, read }) as Reads)

export function toLogged(row: LoggedRow): LoggedPrediction {
  const fields: Partial<Record<Field, unknown>> = {}
  for (const { name, field, read } of reads) fields[field] = read(row[name])
  return {
    ...(fields as Pick<LoggedPrediction, Field>), // each of them, as it was written
    at: timeOfId(row.id),
    model: row.model,
    version: row.version,
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
