import { sql } from 'kysely'
import type { Capabilities } from '../capabilities.ts'
import type { RowOf, SqlType, SqlTypes } from '../log/columns.ts'
import { POSTGRES_LIMITS } from './limits.ts'

const arrays: Record<SqlType, string> = { text: 'text[]', integer: 'bigint[]', real: 'double precision[]' }

/** Key of the one advisory lock that we take; any number that no other program on the database uses. */
const LOCK_KEY = 0x6261_726f

export const postgresCapabilities: Capabilities = {
  bytesType: sql`bytea`,
  orderedTextType: sql`text collate "C"`,
  serialType: sql`integer generated always as identity`,
  longSerialType: sql`bigint generated always as identity`,
  positionType: sql`bigint`,
  input: <Types extends SqlTypes>(columns: Types) => {
    const names = Object.keys(columns)
    const parameters = names.map((name) => sql`${null}::${sql.raw(arrays[columns[name]])}`)
    return sql<RowOf<Types>>`unnest(${sql.join(parameters)})`.as<'input'>(
      sql`input(${sql.join(names.map((name) => sql.ref(name)))})`,
    )
  },
  async refuseForeign() {
    // Its tables may lie beside those of others.
  },
  async createPositions(db) {
    await sql`create sequence position_blocks`.execute(db)
    await sql`create sequence replicas maxvalue 2147483647`.execute(db)
  },
  // Positions come in blocks, one a commit, because several replicas commit at once.
  firstSeq: (db, rowsMax) => ({
    compile: () => sql<{ first: number }>`select nextval('position_blocks') * ${sql.lit(rowsMax)} as first`.compile(db),
  }),
  lockPredictions: (query) => query.modifyEnd(sql`for update of p`),
  async exclusive(trx, { patient } = { patient: false }) {
    // Whoever holds the lock may take long: waiting for it has a limit of its own.
    if (patient)
      await sql`select set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)`.execute(trx)
    else
      await sql`select set_config('lock_timeout', ${sql.lit(String(POSTGRES_LIMITS.exclusiveMs))}, true)`.execute(trx)
    await sql`select pg_advisory_xact_lock(${sql.lit(LOCK_KEY)})`.execute(trx)
  },
  async appendOnly(db, table) {
    const name = `${table}_append_only`
    await sql`create function ${sql.ref(name)}() returns trigger language plpgsql as
      ${sql.lit(`begin raise exception '${table} is append-only'; end`)}`.execute(db)
    await sql`create trigger ${sql.ref(name)} before update or delete or truncate on ${sql.table(table)}
      for each statement execute function ${sql.ref(name)}()`.execute(db)
  },
  timestampOf: (id) =>
    sql`to_timestamp(('x0000' || substr(${id}, 1, 8) || substr(${id}, 10, 4))::bit(64)::bigint / 1000.0)`,
  async createSearch(db) {
    // The words as SQLite's index has them: letters and digits without marks; all else stands between words.
    // PostgreSQL's own parser would keep "lovely.But" as one word, a host name.
    await sql`create function search_text(given text) returns text language sql immutable parallel safe return
      translate(regexp_replace(normalize(given, nfd), ${sql.lit('[\u0300-\u036f]')}, '', 'g'), ${sql.lit(BETWEEN_WORDS)}, ${sql.lit(' '.repeat(BETWEEN_WORDS.length))})`.execute(
      db,
    )
    await sql`create index predictions_by_words on predictions using gin (to_tsvector('simple', search_text(text)))`.execute(
      db,
    )
  },
  async refreshSearch() {
    // The index is part of every commit.
  },
  // Its positions have gaps, its queries run beside each other, and it knows best where to begin.
  scanRows: null,
  hasTerms: (terms) => {
    const queries = terms.map((term) => sql`phraseto_tsquery('simple', search_text(${term}))`)
    return sql`to_tsvector('simple', search_text(p.text)) @@ (${sql.join(queries, sql` && `)})`
  },
  async forgetSearch() {
    // The index belongs to the table.
  },
}

/** ASCII punctuation, and what people type in its place. */
const BETWEEN_WORDS = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~¡¿«»‐‑‒–—―‘’‚“”„†‡•…‹›€£¥©®™°·'
