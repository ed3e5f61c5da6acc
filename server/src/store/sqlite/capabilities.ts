import { sql } from 'kysely'
import { Fault } from '../../domain/faults.ts'
import type { Capabilities } from '../capabilities.ts'
import type { RowOf, SqlTypes } from '../log/columns.ts'

export const sqliteCapabilities: Capabilities = {
  bytesType: sql`blob`,
  orderedTextType: sql`text`,
  serialType: sql`integer`,
  longSerialType: sql`integer`,
  positionType: sql`integer`,
  // One row of parameters; the statement is compiled with nulls and runs with each row's values.
  input: <Types extends SqlTypes>(columns: Types) =>
    sql<
      RowOf<Types>
    >`(select ${sql.join(Object.keys(columns).map((name) => sql`${null} as ${sql.ref(name)}`))})`.as<'input'>('input'),
  async refuseForeign(db) {
    const { rows } = await sql<{ name: string }>`select name from sqlite_schema
      where type = 'table' and name not like 'sqlite\\_%' escape '\\'`.execute(db)
    const names = new Set(rows.map((row) => row.name))
    if (names.size === 0 || (names.has('migrations') && names.has('marks'))) return
    throw new Fault('store_unusable', {
      say: 'The file is a database of another program: name another with DATABASE_URL.',
    })
  },
  async createPositions() {
    // The log itself has them.
  },
  // The highest position is in the log, unless retention deleted it and left a mark.
  firstSeq: (db) => ({
    compile: () =>
      sql<{ first: number }>`select 1 + max(
        coalesce((select max(seq) from predictions), 0),
        coalesce((select value from marks where name = 'seq'), 0)
      ) as first`.compile(db),
  }),
  lockPredictions: null,
  async exclusive() {
    // Every transaction begins immediate: it has the only write lock.
  },
  async appendOnly(db, table) {
    for (const change of ['update', 'delete'] as const) {
      await sql`create trigger ${sql.ref(`${table}_no_${change}`)} before ${sql.raw(change)} on ${sql.table(table)}
        begin select raise(abort, ${sql.lit(`${table} is append-only`)}); end`.execute(db)
    }
  },
  // JSON has hexadecimal numbers since JSON5, SQL has no function for them.
  timestampOf: (id) =>
    sql`strftime('%Y-%m-%d %H:%M:%f', (('0x' || substr(${id}, 1, 8) || substr(${id}, 10, 4)) ->> '$') / 1000.0, 'unixepoch')`,
  async createSearch(db) {
    await sql`create virtual table search using ${FTS5}`.execute(db)
  },
  async refreshSearch(read) {
    // The rows behind the index go into a small one in memory, so that both take words for the same.
    // One refresh at a time, because both fill the same table.
    await read.connection().execute(async (db) => {
      await sql`create virtual table if not exists temp.tail using ${FTS5}`.execute(db)
      const { rows } = await sql<{ behind: number }>`select max(
        coalesce((select value from marks where name = 'indexed'), 0),
        coalesce((select max(seq) from predictions), 0) - ${sql.lit(TAIL_ROWS_MAX)}
      ) as behind`.execute(db)
      const behind = sql.lit(rows[0].behind)
      await sql`delete from temp.tail where rowid in (select rowid from temp.tail where rowid <= ${behind})`.execute(db)
      await sql`insert into temp.tail (rowid, text)
        select seq, text from predictions
        where seq > max(${behind}, coalesce((select max(rowid) from temp.tail), 0)) and text is not null`.execute(db)
    })
  },
  // The largest takes about 0.1 s: what else is read waits no longer, and the WAL is held no longer.
  scanRows: { first: 20_000, most: 320_000 },
  hasTerms: (terms, { seqMin, seqMax }) => sql`p.seq in (
    select rowid from search where search match ${matchAll(terms)} and rowid >= ${seqMin} and rowid <= ${seqMax}
    union all
    select rowid from temp.tail where tail match ${matchAll(terms)} and rowid >= ${seqMin} and rowid <= ${seqMax}
  )`,
  async forgetSearch(trx, seqs) {
    if (seqs.length === 0) return
    await sql`delete from search where rowid in (${sql.join(seqs.map((seq) => sql.lit(seq)))})`.execute(trx)
  },
}

/** The text stays in the log only; a delete needs nothing but the position. */
const FTS5 = sql.raw("fts5 (text, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2')")

/** Rows that a search looks at beyond the index, at most: the first search after a burst indexes so many, in about 0.2 s. */
const TAIL_ROWS_MAX = 20_000

/** Each term a quoted string of FTS5's query language, in which nothing but the quote itself means anything. */
export function matchAll(terms: readonly string[]): string {
  return terms.map((term) => `"${term.replaceAll('"', '""')}"`).join(' ')
}
