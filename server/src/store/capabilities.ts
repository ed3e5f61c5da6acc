/** What differs between the two databases, by name (style rule 13). Everything else is one set of queries. */
import type {
  AliasedRawBuilder,
  Compilable,
  Expression,
  Kysely,
  RawBuilder,
  SelectQueryBuilder,
  SqlBool,
  Transaction,
} from 'kysely'
import type { RowOf, SqlTypes } from './log/columns.ts'
import type { Tables } from './tables.ts'

/** Positions of the log, both inclusive. */
export interface SeqRange {
  readonly seqMin: number
  readonly seqMax: number
}

export type LockableQuery<O> = SelectQueryBuilder<
  Tables & { p: Tables['predictions']; input: { seq: number } },
  'p' | 'input',
  O
>

export interface Capabilities {
  /** Column type of a byte string. */
  readonly bytesType: RawBuilder<unknown>
  /** Column type of text that compares byte by byte. */
  readonly orderedTextType: RawBuilder<unknown>
  /** Column type of a primary key that the database hands out, small and large. */
  readonly serialType: RawBuilder<unknown>
  readonly longSerialType: RawBuilder<unknown>
  /** Column type of a 64-bit primary key that we hand out. */
  readonly positionType: RawBuilder<unknown>
  /**
   * Parameters as a relation named `input`. SQLite: one row, so a statement runs once a row (cheap inside the
   * process). PostgreSQL: a column is one array, so a statement runs once a commit (one way over the network).
   */
  input<const Types extends SqlTypes>(columns: Types): AliasedRawBuilder<RowOf<Types>, 'input'>
  /** Throws where the database is one of another program. A schema of PostgreSQL may be shared. */
  refuseForeign(db: Kysely<Tables>): Promise<void>
  /** Makes what `firstSeq` needs. */
  createPositions(db: Kysely<Tables>): Promise<void>
  /** A statement that answers `first`: the first of `rowsMax` positions of the log that nobody else gets. */
  firstSeq(db: Kysely<Tables>, rowsMax: number): Compilable<{ first: number }>
  /** Keeps the rows of `predictions as p` that a query reads locked until the transaction ends; null where one writes at a time anyway. */
  readonly lockPredictions: (<O>(query: LockableQuery<O>) => Compilable<O>) | null
  /** One transaction at a time from here on, where writers run in parallel. `patient` waits for its turn without a limit. */
  exclusive(trx: Transaction<Tables>, how?: { readonly patient: boolean }): Promise<void>
  /** Makes a table refuse updates and deletes. */
  appendOnly(db: Kysely<Tables>, table: keyof Tables): Promise<void>
  /** The time of a prediction's id, in UTC, as the type that the database's own functions of time take. */
  timestampOf(id: RawBuilder<unknown>): RawBuilder<unknown>
  /** Makes the full-text index. */
  createSearch(db: Kysely<Tables>): Promise<void>
  /** Before a search: makes the newest rows findable that the index does not have yet. */
  refreshSearch(read: Kysely<Tables>): Promise<void>
  /** The rows of `predictions as p` in the window whose text has all the terms; each is a word or a phrase, in plain text. */
  hasTerms(terms: readonly string[], window: SeqRange): Expression<SqlBool>
  /**
   * Positions of the log that one query of a page looks at, first and at most, where positions have no gaps and queries
   * cannot run beside each other; null to look at all of them in one query.
   */
  readonly scanRows: { readonly first: number; readonly most: number } | null
  /** Takes rows out of the full-text index that are about to be deleted. */
  forgetSearch(trx: Transaction<Tables>, seqs: readonly number[]): Promise<void>
}
