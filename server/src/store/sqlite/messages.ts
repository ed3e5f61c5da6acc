/** What goes between the main thread and a SQLite thread. Answers come in the order of the questions. */
import type { MessagePort } from 'node:worker_threads'
import type { Statements } from '../log/statements.ts'
import type { ConnectionOptions } from './connection.ts'
import type { Indexed } from './indexRows.ts'

export type Question =
  | { readonly kind: 'query'; readonly sql: string; readonly parameters: readonly unknown[] }
  /** `batch` is a Batch as JSON; the answer is a CommitResult as JSON, or null when it says nothing special. */
  | { readonly kind: 'commit'; readonly batch: string }
  /** Puts at most `rowsMax` more rows into the full-text index; the answer is how many it took and how many are left. */
  | { readonly kind: 'index'; readonly rowsMax: number }
  | { readonly kind: 'close' }

export type Answer =
  | {
      readonly kind: 'rows'
      readonly columns: readonly string[]
      readonly rows: string | readonly unknown[][]
      readonly changes: number
    }
  | { readonly kind: 'committed'; readonly result: string | null }
  | ({ readonly kind: 'indexed' } & Indexed)
  | { readonly kind: 'closed' }
  | { readonly kind: 'failed'; readonly error: ThreadError }

/** An error on its way between threads; `code` is SQLite's extended result code, null for anything else. */
export interface ThreadError {
  readonly name: string
  readonly message: string
  readonly code: number | null
}

/** Counters that both threads see: each adds to one and wakes the other, which sleeps on it without an event loop. */
export const ASKED = 0
export const ANSWERED = 1

export interface ThreadData {
  /** Where questions come in and answers go out. */
  readonly port: MessagePort
  /** [ASKED, ANSWERED] */
  readonly counters: Int32Array<SharedArrayBuffer>
  readonly connection: ConnectionOptions
  /** For the journal's thread only. */
  readonly statements: Statements | null
}
