/** One bounded step of the full-text index behind the log. Where it got to is in the same transaction, so a crash loses nothing. */
import type { Connection } from './connection.ts'

export function indexRows({ prepare }: Connection, rowsMax: number): number {
  const [[indexed]] = all(prepare("select coalesce((select value from marks where name = 'indexed'), 0)"))
  const [[to, rows]] = all(
    prepare('select max(seq), count(*) from (select seq from predictions where seq > ? order by seq limit ?)'),
    indexed,
    rowsMax,
  )
  if (rows === 0) return 0
  prepare(
    'insert into search (rowid, text) select seq, text from predictions where seq > ? and seq <= ? and text is not null',
  ).run(indexed, to)
  prepare(
    "insert into marks (name, value) values ('indexed', ?) on conflict (name) do update set value = excluded.value",
  ).run(to)
  return rows
}

function all(statement: ReturnType<Connection['prepare']>, ...parameters: number[]): number[][] {
  // Arrays of numbers: the statements above select nothing else.
  return statement.all(...parameters) as unknown as number[][]
}
