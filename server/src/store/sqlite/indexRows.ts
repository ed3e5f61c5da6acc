/** One bounded step of the full-text index behind the log. Where it got to is in the same transaction, so a crash loses nothing. */
import type { Connection } from './connection.ts'

export interface Indexed {
  readonly rows: number
  /** Rows of the log that the index still lacks, or some more: positions may have gaps. */
  readonly lag: number
}

export function indexRows({ prepare }: Connection, rowsMax: number): Indexed {
  const [[indexed]] = all(prepare("select coalesce((select value from marks where name = 'indexed'), 0)"))
  const [[to, rows]] = all(
    prepare('select max(seq), count(*) from (select seq from predictions where seq > ? order by seq limit ?)'),
    indexed,
    rowsMax,
  )
  if (rows === 0) return { rows, lag: 0 }
  prepare(
    'insert into search (rowid, text) select seq, text from predictions where seq > ? and seq <= ? and text is not null',
  ).run(indexed, to)
  prepare(
    "insert into marks (name, value) values ('indexed', ?) on conflict (name) do update set value = excluded.value",
  ).run(to)
  const [[newest]] = all(prepare('select max(seq) from predictions'))
  return { rows, lag: newest - to }
}

function all(statement: ReturnType<Connection['prepare']>, ...parameters: number[]): number[][] {
  // Arrays of numbers: the statements above select nothing else.
  return statement.all(...parameters) as unknown as number[][]
}
