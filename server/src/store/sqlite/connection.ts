/** One connection to the SQLite file, as every thread opens it. No imports of ours: threads load it as it is. */
import { DatabaseSync, type StatementSync } from 'node:sqlite'

export interface ConnectionOptions {
  readonly path: string
  readonly readOnly: boolean
  /** KiB of pages that this connection keeps. */
  readonly cacheKib: number
  /** How long to wait for a lock that another connection holds. */
  readonly busyMs: number
  /** Bytes that the file may have; 0 for no limit. */
  readonly bytesMax: number
  /** Pages after which a commit folds the WAL in by itself; 0 for never. */
  readonly autocheckpointPages: number
  /** The file of the log (WAL) is cut to this length when it is started over. */
  readonly walKeptBytes: number
}

export interface Connection {
  readonly db: DatabaseSync
  /** The statement of that text, kept: preparing takes longer than most of them run. */
  readonly prepare: (sql: string) => StatementSync
}

const STATEMENTS_MAX = 100

export function connect(options: ConnectionOptions): Connection {
  const db = new DatabaseSync(options.path, { readOnly: options.readOnly, timeout: options.busyMs })
  try {
    return configure(db, options)
  } catch (error) {
    db.close()
    throw error
  }
}

function configure(db: DatabaseSync, options: ConnectionOptions): Connection {
  db.exec(`pragma cache_size = ${-options.cacheKib}; pragma temp_store = memory`)
  if (!options.readOnly) {
    // A commit is on disk when it returns; the log behind it is folded in by checkpointer.ts, never by a commit.
    db.exec(
      `pragma journal_mode = wal; pragma synchronous = full; pragma wal_autocheckpoint = ${options.autocheckpointPages};
       pragma journal_size_limit = ${Math.min(options.walKeptBytes, Number.MAX_SAFE_INTEGER)}`,
    )
    if (options.bytesMax > 0) db.exec(`pragma max_page_count = ${Math.floor(options.bytesMax / 4096)}`)
  }
  const statements = new Map<string, StatementSync>()
  return {
    db,
    prepare(sql) {
      const kept = statements.get(sql)
      if (kept !== undefined) return kept
      const statement = db.prepare(sql)
      statement.setReturnArrays(true)
      // What a change returns has the last row's number in it, and those of the full-text index's own tables are beyond 2^53.
      statement.setReadBigInts(statement.columns().length === 0)
      if (statements.size >= STATEMENTS_MAX) statements.delete(statements.keys().next().value ?? '')
      statements.set(sql, statement)
      return statement
    },
  }
}
