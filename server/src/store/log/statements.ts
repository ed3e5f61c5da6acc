/** The statements of a commit, compiled once when the store opens. */
import { type Compilable, type Kysely, type RawBuilder, sql } from 'kysely'
import type { Capabilities } from '../capabilities.ts'
import type { Tables } from '../tables.ts'
import { currentColumns, feedbackColumns, hoursColumns, predictionColumns, type SqlTypes } from './columns.ts'
import { loggedColumns } from './loggedRow.ts'

/** What each statement takes: it runs once for every row of these. Capabilities.input says how. */
const inputs = {
  version: { model: 'text', version: 'integer' },
  firstSeq: {},
  byCaller: { task: 'text', caller_id: 'text' },
  insertPredictions: predictionColumns,
  rollUp: { hour: 'integer', version_id: 'integer', replica: 'integer' },
  putRollUp: hoursColumns,
  byId: { id: 'text' },
  byCallerOfAnyTask: { id: 'text' },
  lock: { seq: 'integer' },
  current: { seq: 'integer' },
  insertFeedback: feedbackColumns,
  putCurrent: currentColumns,
} as const satisfies Record<string, SqlTypes>

type Inputs = typeof inputs
export type StatementName = keyof Inputs

/** Columns of parameters for a statement, all of the same length. */
export type InputOf<Name extends StatementName> = { readonly [Column in keyof Inputs[Name]]: readonly unknown[] }

export interface Statement {
  readonly sql: string
  /** Names of its parameters, in order. */
  readonly parameters: readonly string[]
  /** Whether its rows are needed before the next can be asked. */
  readonly answers: boolean
}

/** Null where the database has no need of it. */
export type Statements = Readonly<Record<StatementName, Statement | null>>

/** Most rows that one commit can be given positions for. */
export const COMMIT_ROWS_LIMIT = 65_536

export function compileStatements(db: Kysely<Tables>, can: Capabilities): Statements {
  const compiled = Object.entries(queries(db, can)).map(([name, { query, answers }]) => {
    const parameters = Object.keys(inputs[name as StatementName]) // queries() has these names
    return [name, query === null ? null : { sql: query.compile().sql, parameters, answers }]
  })
  return Object.fromEntries(compiled) as Statements // the same names
}

interface Query {
  readonly query: Compilable | null
  readonly answers: boolean
}

function queries(db: Kysely<Tables>, can: Capabilities): Record<StatementName, Query> {
  const reads = (query: Compilable | null): Query => ({ query, answers: true })
  const writes = (query: RawBuilder<unknown>): Query => ({
    query: { compile: () => query.compile(db) },
    answers: false,
  })
  const target = db
    .selectFrom('predictions as p')
    .innerJoin('versions as v', 'v.id', 'p.version_id')
    .select(['p.seq', 'p.id', 'p.task', 'p.label', 'p.version_id', 'v.labels'])
  return {
    version: reads(
      db
        .selectFrom(can.input(inputs.version))
        .innerJoin('versions', (join) =>
          join.onRef('versions.model', '=', 'input.model').onRef('versions.version', '=', 'input.version'),
        )
        .select(['versions.id', 'versions.model', 'versions.version', 'versions.labels']),
    ),
    firstSeq: reads(can.firstSeq(db, COMMIT_ROWS_LIMIT)),
    byCaller: reads(
      loggedColumns(db)
        .innerJoin(can.input(inputs.byCaller), (join) =>
          join.onRef('p.caller_id', '=', 'input.caller_id').onRef('p.task', '=', 'input.task'),
        )
        .where('p.caller_id', 'is not', null),
    ),
    insertPredictions: writes(insert('predictions', predictionColumns, can)),
    rollUp: reads(
      db
        .selectFrom(can.input(inputs.rollUp))
        .innerJoin('hours', (join) =>
          join
            .onRef('hours.hour', '=', 'input.hour')
            .onRef('hours.version_id', '=', 'input.version_id')
            .onRef('hours.replica', '=', 'input.replica'),
        )
        .selectAll('hours'),
    ),
    putRollUp: writes(put('hours', hoursColumns, ['hour', 'version_id', 'replica'], can)),
    byId: reads(target.innerJoin(can.input(inputs.byId), 'input.id', 'p.id').orderBy('p.seq')),
    byCallerOfAnyTask: reads(
      target
        .select('p.caller_id')
        .innerJoin(can.input(inputs.byCallerOfAnyTask), 'input.id', 'p.caller_id')
        .where('p.caller_id', 'is not', null)
        .orderBy('p.seq'),
    ),
    // What the label that counts is built on is read after this, so that writers in parallel take turns.
    lock: reads(
      can.lockPredictions === null
        ? null
        : can.lockPredictions(
            db
              .selectFrom('predictions as p')
              .innerJoin(can.input(inputs.lock), 'input.seq', 'p.seq')
              .select('p.seq')
              .orderBy('p.seq'),
          ),
    ),
    current: reads(
      db
        .selectFrom(can.input(inputs.current))
        .innerJoin('feedback_current as f', 'f.prediction_seq', 'input.seq')
        .selectAll('f'),
    ),
    insertFeedback: writes(insert('feedback', feedbackColumns, can)),
    putCurrent: writes(put('feedback_current', currentColumns, ['prediction_seq'], can)),
  }
}

function insert(table: keyof Tables, columns: SqlTypes, can: Capabilities): RawBuilder<unknown> {
  const names = sql.join(Object.keys(columns).map((name) => sql.ref(name)))
  // SQLite takes the ON of an ON CONFLICT that follows for a join without the condition.
  return sql`insert into ${sql.table(table)} (${names}) select ${names} from ${can.input(columns)} where true`
}

/** The row of that key is written or replaced. */
function put(table: keyof Tables, columns: SqlTypes, key: readonly string[], can: Capabilities): RawBuilder<unknown> {
  const keys = sql.join(key.map((name) => sql.ref(name)))
  const rest = Object.keys(columns).filter((name) => !key.includes(name))
  const values = sql.join(rest.map((name) => sql`${sql.ref(name)} = ${sql.ref(`excluded.${name}`)}`))
  return sql`${insert(table, columns, can)} on conflict (${keys}) do update set ${values}`
}
