/**
 * `kill -9` in the middle of load: what was acknowledged is there, what is there is whole, and the roll-ups are what
 * counting gives. Twenty rounds on each database, on the same data, so that each round starts from a crash.
 */
import '../contracts/compileCache.ts'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Database } from '../../src/store/database.ts'
import { addSketch } from '../../src/store/log/rollUp.ts'
import { openDatabase, openStore, type StoreOptions } from '../../src/store/openStore.ts'
import { startPostgres } from '../contracts/postgresServer.ts'
import { manifest } from '../contracts/storeRows.ts'

const ROUNDS = 20
/** How long a round writes before it is killed. */
const WRITE_MS = { least: 20, most: 250 }

test('SQLite: twenty times killed, nothing acknowledged is lost and nothing is half there', async () => {
  const home = mkdtempSync(join(tmpdir(), 'barometer-crash-'))
  const options = { url: null, home, now: Date.now }
  await rounds(options, ROUNDS, kill)
  const database = await openDatabase(options)
  const { rows } = await sql<{ quick_check: string }>`pragma quick_check`.execute(database.read)
  expect(rows).toEqual([{ quick_check: 'ok' }])
  await database.close()
  rmSync(home, { recursive: true, force: true })
}, 300_000)

test('PostgreSQL: twenty times killed, and once the server itself, nothing acknowledged is lost and nothing is half there', async () => {
  const server = await startPostgres()
  try {
    const options = { url: await server.createDatabase(), home: tmpdir(), now: Date.now }
    await rounds(options, ROUNDS, kill)
    await rounds(options, 1, async (writer, seen) => {
      await server.crash()
      await until(() => seen().includes('unavailable'))
      await server.start()
      // It goes on by itself when the server is back.
      await until(() => seen().length - seen().lastIndexOf('unavailable') > 100)
      await kill(writer)
    })
  } finally {
    await server.remove()
  }
}, 300_000)

/** Writes, ends it as told, looks at what is there. */
async function rounds(
  options: StoreOptions,
  count: number,
  end: (writer: ChildProcess, seen: () => string[]) => Promise<void>,
) {
  let seqBefore = await prepare(options)
  for (let round = 0; round < count; round++) {
    const writer = spawn(
      process.execPath,
      [fileURLToPath(new URL('crashWriter.ts', import.meta.url)), options.url ?? '-', options.home, `${Date.now()}`],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    const output = collect(writer)
    await output.begun
    await wait(WRITE_MS.least + Math.random() * (WRITE_MS.most - WRITE_MS.least))
    await end(writer, output.seen)
    seqBefore = await verify(options, seqBefore, await output.lines)
  }
}

async function kill(writer: ChildProcess) {
  writer.kill('SIGKILL')
}

/** The newest position of the log. */
async function prepare(options: StoreOptions): Promise<number> {
  const store = await openStore(options)
  await store.registry.register({ manifest: manifest(), digest: 'crash', who: 'test', why: 'test', at: 0, files: null })
  await store.close()
  const database = await openDatabase(options)
  const seq = await newestSeq(database)
  await database.close()
  return seq
}

interface Output {
  /** After the first acknowledgement: the load is on. */
  readonly begun: Promise<void>
  /** When the writer has ended. */
  readonly lines: Promise<string[]>
  /** So far. */
  readonly seen: () => string[]
}

function collect(writer: ChildProcess): Output {
  let text = ''
  const seen = () => text.split('\n').slice(0, -1)
  const begun = Promise.withResolvers<void>()
  writer.stdout?.setEncoding('utf8').on('data', (part: string) => {
    text += part
    if (text.includes('prediction')) begun.resolve()
  })
  const lines = new Promise<string[]>((resolve) => writer.on('close', () => resolve(seen())))
  void lines.then(() => begun.reject(new Error('The writer ended before it logged anything.')))
  return { begun: begun.promise, lines, seen }
}

/** The newest position of the log. */
async function verify(options: StoreOptions, seqBefore: number, lines: readonly string[]): Promise<number> {
  const database = await openDatabase(options)
  try {
    await writersGone(database)
    await verifyAcknowledged(database, seqBefore, lines)
    await verifyWhole(database)
    await verifyRollUps(database)
    return await newestSeq(database)
  } finally {
    await database.close()
  }
}

/** PostgreSQL's side of a killed writer ends a little later, and may commit meanwhile: between two of our queries. */
async function writersGone({ dialect, read }: Database) {
  if (dialect !== 'postgres') return
  const others = sql<{ others: number }>`select count(*) as others from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`
  await expect.poll(async () => (await others.execute(read)).rows[0].others, { timeout: 10_000 }).toBe(0)
}

async function verifyAcknowledged({ read }: Database, seqBefore: number, lines: readonly string[]) {
  const logged = await read
    .selectFrom('predictions as p')
    .leftJoin('feedback_current as f', 'f.prediction_seq', 'p.seq')
    .select(['p.id', 'f.label as truth'])
    .where('p.seq', '>', seqBefore)
    .execute()
  const truths = new Map(logged.map((row) => [row.id, row.truth]))
  const acknowledged = lines.map((line) => line.split(' '))
  const predictions = acknowledged.filter(([kind]) => kind === 'prediction')
  const feedback = acknowledged.filter(([kind]) => kind === 'feedback')
  expect(predictions.length).toBeGreaterThan(0)
  expect(predictions.filter(([, id]) => !truths.has(id))).toEqual([])
  expect(feedback.filter(([, id, truth]) => truths.get(id) !== truth)).toEqual([])
}

/** Groups are there as a whole or not at all; the label that counts goes with the labels that came. */
async function verifyWhole({ read }: Database) {
  const groups = await read
    .selectFrom('predictions')
    .select((is) => ['source', is.fn.countAll<number>().as('rows')])
    .where('source', 'is not', null)
    .groupBy('source')
    .having((is) => is.fn.countAll(), '<>', 3)
    .execute()
  expect(groups).toEqual([])
  // Three counts instead of one full join, which SQLite answers row by row: a minute over these rows.
  const halves = await sql<{ halves: number }>`select
    (select count(*) from feedback_current c left join predictions p on p.seq = c.prediction_seq
      where p.seq is null or c.correct <> case when p.label = c.label then 1 else 0 end)
    + (select count(*) from feedback_current where prediction_seq not in (select prediction_seq from feedback))
    + (select count(*) from feedback where prediction_seq not in (select prediction_seq from feedback_current)) as halves`.execute(
    read,
  )
  expect(halves.rows).toEqual([{ halves: 0 }])
}

async function verifyRollUps({ read }: Database) {
  const rollUps = await read.selectFrom('hours').selectAll().execute()
  const counted = await read
    .selectFrom('predictions as p')
    .leftJoin('feedback_current as f', 'f.prediction_seq', 'p.seq')
    .select((is) => [
      'p.label',
      is.fn.countAll<number>().as('rows'),
      is.fn.sum<number>('p.confidence').as('confidence'),
      is.fn.count<number>('f.prediction_seq').as('feedback'),
      is.fn.coalesce(is.fn.sum<number>('f.correct'), is.lit(0)).as('correct'),
    ])
    .groupBy('p.label')
    .execute()
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  expect(sum(rollUps.map((hour) => hour.rows))).toBe(sum(counted.map((row) => row.rows)))
  expect(sum(rollUps.map((hour) => hour.feedback_rows))).toBe(sum(counted.map((row) => row.feedback)))
  expect(sum(rollUps.map((hour) => hour.feedback_correct))).toBe(sum(counted.map((row) => row.correct)))
  expect(sum(rollUps.map((hour) => hour.confidence_sum))).toBeCloseTo(sum(counted.map((row) => row.confidence)), 5)
  for (const { label, rows } of counted) {
    expect(sum(rollUps.map((hour) => (JSON.parse(hour.labels) as Record<string, number>)[label] ?? 0))).toBe(rows)
  }
  for (const hour of rollUps) expect(sum([...addSketch(new Map(), hour.latency).values()])).toBe(hour.rows)
}

async function newestSeq({ read }: Database): Promise<number> {
  const { seq } = await read
    .selectFrom('predictions')
    .select((is) => is.fn.max('seq').as('seq'))
    .executeTakeFirstOrThrow()
  return seq ?? 0
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function until(holds: () => boolean) {
  while (!holds()) await wait(20)
}
