/**
 * The columns of the tables that a commit writes, each written once. What a column of the log is called, what SQL keeps
 * it as, which field of a prediction it holds and how, and whether a filter compares it: all of that is its line below,
 * and the types of the tables, the statements, the batch between the threads and the rows of a page follow from it.
 *
 * A new column of the log is a line here and a migration; a test holds the tables of both databases to these lines.
 */
import type { Prediction } from '../../domain/prediction.ts'
import { storable } from '../../domain/storable.ts'

/** What a column or a parameter is; each database has its own names for it. */
export type SqlType = 'text' | 'integer' | 'real'
export type SqlTypes = Readonly<Record<string, SqlType>>

interface Value {
  readonly text: string
  readonly integer: number
  readonly real: number
}

/** What rows of such columns hold. */
export type RowOf<Types extends SqlTypes> = { -readonly [Name in keyof Types]: Value[Types[Name]] }

/** What of a prediction has a column of its own: its time is in its id, its version a key of another table. */
export type Field = Exclude<keyof Prediction, 'at' | 'model' | 'version'>

type Stored<Type extends SqlType, F extends Field> = Value[Type] | Extract<Prediction[F], null>

interface Conversion<Type extends SqlType, F extends Field> {
  readonly write: (value: Prediction[F]) => Stored<Type, F>
  readonly read: (stored: Stored<Type, F>) => Prediction[F]
}

/** How a filter of the log compares a column: with one value, or with a least and a largest one. */
type Filter = 'equal' | 'range'

interface Column<Type extends SqlType, F extends Field, Compared> extends Conversion<Type, F> {
  readonly type: Type
  readonly field: F
  readonly filter: Compared
}

function column<Type extends SqlType, F extends Field, Compared extends Filter | null = null>(
  type: Type,
  field: F,
  { filter, write, read }: Partial<Conversion<Type, F>> & { readonly filter?: Compared } = {},
): Column<Type, F, Compared> {
  // Without a conversion the value is kept as it is: the database has the type that the field has.
  const same = (value: unknown) => value as never
  return { type, field, filter: (filter ?? null) as Compared, write: write ?? same, read: read ?? same }
}

const flag = { write: (value: boolean) => (value ? 1 : 0), read: (stored: number) => stored === 1 }
const numbers = {
  write: (values: readonly number[]) => JSON.stringify(values),
  read: (stored: string) => JSON.parse(stored) as number[], // as it was written
}
/** Text that came from outside. */
const outside = { write: storable }

/** Fields of a prediction as the log keeps them, in the order of the table. */
export const fieldColumns = {
  /** UUIDv7 in lower case; its first 13 characters order by time. */
  id: column('text', 'id'),
  task: column('text', 'task', { filter: 'equal' }),
  variant: column('text', 'variant'),
  label: column('text', 'label', { filter: 'equal' }),
  confidence: column('real', 'confidence', { filter: 'range' }),
  /** JSON, [labels] in the order of the version's labels. */
  probabilities: column('text', 'probabilities', numbers),
  latency_ms: column('real', 'latencyMs'),
  drift: column('integer', 'drift', flag),
  text_hash: column('text', 'textHash'),
  chars: column('integer', 'chars'),
  tokens: column('integer', 'tokens'),
  unknown: column('integer', 'unknown'),
  source: column('text', 'source', { ...outside, filter: 'equal' }),
  caller_id: column('text', 'callerId', outside),
  key_id: column('text', 'keyId'),
  /** Last, so that a scan that filters on the others does not read it. */
  text: column('text', 'text', outside),
} as const

/** Every field of a prediction has a column; a field without one is named here by the compiler. */
type Columns = typeof fieldColumns
type Forgotten = Exclude<Field, Columns[keyof Columns]['field']>
const none: Forgotten extends never ? true : Forgotten = true
void none

/** The log. Rows never change; retention deletes the oldest. */
export type PredictionsRow = {
  /** Position in the log: grows with every commit, has gaps, is never given twice. */
  seq: number
  version_id: number
} & { -readonly [Name in keyof Columns]: Stored<Columns[Name]['type'], Columns[Name]['field']> }

/** Fields that a filter of the log compares so. */
type Compared<How extends Filter> = {
  [Name in keyof Columns]: Columns[Name]['filter'] extends How ? Columns[Name]['field'] : never
}[keyof Columns]

/** What a filter can say of the columns: `label` for the one value, `confidenceMin` and `confidenceMax` for a range. */
export type ColumnFilter = {
  readonly [F in Compared<'equal'>]?: NonNullable<Prediction[F]>
} & { readonly [F in Compared<'range'> as `${F}Min` | `${F}Max`]?: NonNullable<Prediction[F]> }

/** The columns of `predictions`. */
export const predictionColumns = {
  seq: 'integer',
  version_id: 'integer',
  ...typesOf(fieldColumns),
} as const satisfies { readonly [Name in keyof PredictionsRow]: SqlType }

/** Every label that ever arrived, in the order of arrival. Append-only but for retention. */
export const feedbackColumns = {
  prediction_seq: 'integer',
  at: 'integer',
  label: 'text',
  comment: 'text',
  key_id: 'text',
} as const satisfies SqlTypes

/** The label that counts now, one row a prediction that has one. */
export const currentColumns = {
  prediction_seq: 'integer',
  label: 'text',
  at: 'integer',
  correct: 'integer',
  changes: 'integer',
} as const satisfies SqlTypes

/** Roll-ups: one row for each hour of the predictions' times, version and replica that wrote them. Retention leaves them. */
export const hoursColumns = {
  hour: 'integer',
  version_id: 'integer',
  /** SQLite has one writer at a time, 0; a replica on PostgreSQL draws its own number at start. */
  replica: 'integer',
  rows: 'integer',
  confidence_sum: 'real',
  /** JSON, label → rows. */
  labels: 'text',
  /** The latency sketch, as writeSketch has it. */
  latency: 'text',
  /** Predictions of the hour that have feedback, and those where it agrees now. */
  feedback_rows: 'integer',
  feedback_correct: 'integer',
  /** All rows of the hour lie between these, so that a time becomes a range of the log. */
  seq_min: 'integer',
  seq_max: 'integer',
} as const satisfies SqlTypes

function typesOf<Of extends Readonly<Record<string, { readonly type: SqlType }>>>(
  columns: Of,
): { readonly [Name in keyof Of]: Of[Name]['type'] } {
  const entries = Object.entries(columns).map(([name, { type }]) => [name, type])
  return Object.fromEntries(entries) as { readonly [Name in keyof Of]: Of[Name]['type'] } // the same names
}
