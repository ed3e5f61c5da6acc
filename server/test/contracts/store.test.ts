/** What a store promises, asked of both databases. PostgreSQL is a real server (postgresServer.ts). */
import { summaryOf } from '../../src/domain/version.ts'
import './compileCache.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { latencyBucket } from '../../src/domain/latencySketch.ts'
import type { LoggedPrediction, Prediction } from '../../src/domain/prediction.ts'
import { HOUR_MS } from '../../src/domain/time.ts'
import { currentColumns, feedbackColumns, hoursColumns, predictionColumns } from '../../src/store/log/columns.ts'
import { migrate, migrationStatus, migrations } from '../../src/store/migrations/migrate.ts'
import { openDatabase, openStore, type StoreOptions } from '../../src/store/openStore.ts'
import type { LogFilter, Store } from '../../src/store/store.ts'
import { type PostgresServer, startPostgres } from './postgresServer.ts'
import { feedbackOf, idAt, labels, manifest, prediction } from './storeRows.ts'

const NOON = 1_790_000_000_000

const TEXT = "The battery died after two days.But lovely support: l'été à Zürich, 3.50 at example.org, 日本"
/** Words, and whether they find TEXT. */
const searches: readonly (readonly [string, boolean])[] = [
  ['lovely', true],
  ['LOVELY battery', true],
  ['"died after two days"', true],
  ['"two died"', false],
  ['battery missing', false],
  ["l'ete", true],
  ['Été', true],
  ['zurich', true],
  ['lovely OR missing', false],
  ['lovely NOT battery', false],
  ['text:lovely', false],
  ['battery*', true],
  ['batt*', false],
  ['NEAR(battery died)', false],
  ['"unclosed', false],
  ['"lovely', true],
  ['lovely" "battery', true],
  ["'; drop table predictions; --", false],
  ['!!! ???', false],
  ['-lovely', true],
  ['lovely | missing & ( <->', false],
  ['3.50', true],
  ['example.org', true],
  ['日本', true],
]

interface PipelineHour {
  readonly hour: Date | string
  readonly predictions: number
  readonly avg_confidence: number
}

/** As such a pipeline's guide has them, and for SQLite, which has neither DATE_TRUNC nor INTERVAL, as ours has them. */
const PIPELINE_QUERIES: Readonly<Record<string, readonly [count: string, hours: string]>> = {
  postgres: [
    'SELECT COUNT(*) FROM prediction_logs;',
    `SELECT
    DATE_TRUNC('hour', predicted_at) as hour,
    COUNT(*) as predictions,
    AVG(confidence_score) as avg_confidence
FROM prediction_logs
WHERE predicted_at >= NOW() - INTERVAL '24 hours'
GROUP BY hour
ORDER BY hour DESC;`,
  ],
  sqlite: [
    'SELECT COUNT(*) FROM prediction_logs;',
    `SELECT
    strftime('%Y-%m-%d %H:00Z', predicted_at) as hour,
    COUNT(*) as predictions,
    AVG(confidence_score) as avg_confidence
FROM prediction_logs
WHERE predicted_at >= datetime('now', '-24 hours')
GROUP BY hour
ORDER BY hour DESC;`,
  ],
}

interface Place {
  /** Options that open an unused store. */
  fresh(): Promise<StoreOptions>
  end(): Promise<void>
}

const places: Readonly<Record<string, () => Promise<Place>>> = {
  async sqlite() {
    const home = mkdtempSync(join(tmpdir(), 'barometer-store-'))
    let made = 0
    return {
      fresh: async () => ({ url: null, home: join(home, String(made++)), now: () => NOON }),
      end: async () => rmSync(home, { recursive: true, force: true }),
    }
  },
  async postgres() {
    const server: PostgresServer = await startPostgres()
    return {
      fresh: async () => ({ url: await server.createDatabase(), home: tmpdir(), now: () => NOON }),
      end: () => server.remove(),
    }
  },
}

describe.each(Object.keys(places))('a store on %s', (name) => {
  let place: Place
  let options: StoreOptions
  let store: Store
  beforeAll(async () => {
    place = await places[name]()
  }, 60_000)
  afterAll(() => place.end())
  beforeEach(async () => {
    options = await place.fresh()
    store = await openStore(options)
    await register(store)
    return () => store.close()
  }, 30_000)

  describe('the journal', () => {
    test('a prediction is read back as it was logged', async () => {
      const given = prediction({
        source: 'shop',
        keyId: 'k1',
        callerId: 'c',
        drift: true,
        variant: 'canary',
        text: 'Zürich 👍 "ok"',
      })
      expect(await store.journal.appendOne(given)).toEqual({ kind: 'logged' })
      expect(await store.log.get(given.id)).toEqual({ ...given, labels, feedback: null })
      expect(await store.log.get('nothing')).toBeNull()
    })

    test('a text that was not kept is null, not empty', async () => {
      const given = prediction({ text: null })
      await store.journal.appendOne(given)
      expect((await store.log.get(given.id))?.text).toBeNull()
    })

    test('what no database can keep in a text becomes a replacement character', async () => {
      const given = prediction({ text: 'a\0b\ud800c', callerId: 'x\0' })
      await store.journal.appendOne(given)
      expect((await store.log.get(given.id))?.text).toBe('a\ufffdb\ufffdc')
      expect((await store.journal.appendOne(prediction({ text: 'a\0b\ud800c', callerId: 'x\0' }))).kind).toBe(
        'repeated',
      )
    })

    test('a repeated caller id answers with the first prediction, and with a conflict for another text', async () => {
      const first = prediction({ callerId: 'c1' })
      await store.journal.appendOne(first)
      const [again, other, elsewhere] = await store.journal.append([
        prediction({ callerId: 'c1', label: 'negative' }),
        prediction({ callerId: 'c1', textHash: 'ffff' }),
        prediction({ callerId: 'c1', task: 'mood' }),
      ])
      expect(again).toEqual({ kind: 'repeated', first: { ...first, labels, feedback: null } })
      expect(other).toEqual({ kind: 'conflict' })
      expect(elsewhere).toEqual({ kind: 'logged' })
      expect(await store.log.count()).toBe(2)
    })

    test('a caller id that repeats within one call is logged once', async () => {
      const first = prediction({ callerId: 'c1' })
      const answers = await store.journal.append([
        first,
        prediction({ callerId: 'c1' }),
        prediction({ callerId: 'c1', textHash: 'ffff' }),
      ])
      expect(answers).toEqual([
        { kind: 'logged' },
        { kind: 'repeated', first: { ...first, labels, feedback: null } },
        { kind: 'conflict' },
      ])
    })

    test('of many at once with the same caller id one is logged, also by several replicas', async () => {
      const replica = await openStore(options)
      const journals = [store.journal, replica.journal]
      const answers = await Promise.all(
        Array.from({ length: 60 }, (_, i) => journals[i % 2].appendOne(prediction({ callerId: `c${i % 3}` }))),
      )
      expect(answers.filter((answer) => answer.kind === 'logged')).toHaveLength(3)
      expect(answers.filter((answer) => answer.kind === 'repeated')).toHaveLength(57)
      await replica.close()
    })

    test('a call that cannot be logged fails alone', async () => {
      const good = Array.from({ length: 10 }, () => store.journal.appendOne(prediction()))
      const bad = store.journal.appendOne(prediction({ version: 99 }))
      await expect(bad).rejects.toMatchObject({ code: 'version_unknown' })
      expect(await Promise.all(good)).toHaveLength(10)
      expect(await store.log.count()).toBe(10)
    })

    test('a call is logged as a whole or not at all', async () => {
      await expect(store.journal.append([prediction(), prediction({ version: 99 })])).rejects.toMatchObject({
        code: 'version_unknown',
      })
      expect(await store.log.count()).toBe(0)
    })

    test('a full queue refuses at once and loses nothing that it took', async () => {
      const small = await openStore({ ...options, queueRowsMax: 50, commitRowsMax: 10 })
      const answers = await Promise.allSettled(Array.from({ length: 80 }, () => small.journal.appendOne(prediction())))
      const refused = answers.filter((answer) => answer.status === 'rejected')
      expect(refused).toHaveLength(30)
      for (const { reason } of refused) expect(reason).toMatchObject({ code: 'overloaded' })
      expect(await small.log.count()).toBe(50)
      expect(small.journal.depth).toBe(0)
      await small.close()
    })

    test('closing commits what was accepted and refuses what comes later', async () => {
      const other = await openStore(options)
      const accepted = Array.from({ length: 200 }, () => other.journal.appendOne(prediction()))
      const closed = other.close()
      await expect(other.journal.appendOne(prediction())).rejects.toMatchObject({ code: 'stopping' })
      await closed
      await Promise.all(accepted)
      expect(await store.log.count()).toBe(200)
    })
  })

  describe('feedback', () => {
    test('the newest label counts, and every one is kept', async () => {
      const given = prediction({ callerId: 'mine' })
      await store.journal.appendOne(given)
      const about = { id: given.id, task: 'sentiment' }
      expect(await store.journal.feedback([feedbackOf(given.id)])).toEqual([
        { kind: 'new', ...about, label: 'positive', correct: true, previousLabel: null },
      ])
      expect(
        await store.journal.feedback([feedbackOf('mine'), feedbackOf(given.id, { label: 'negative', at: NOON + 5 })]),
      ).toEqual([
        { kind: 'repeated', ...about, label: 'positive', correct: true, previousLabel: 'positive' },
        { kind: 'changed', ...about, label: 'negative', correct: false, previousLabel: 'positive' },
      ])
      expect((await store.log.get(given.id))?.feedback).toEqual({
        label: 'negative',
        at: NOON + 5,
        correct: false,
        changes: 1,
      })
    })

    test('a label that the version lacks, or a prediction that the log lacks, changes nothing', async () => {
      const given = prediction()
      await store.journal.appendOne(given)
      expect(await store.journal.feedback([feedbackOf(given.id, { label: 'angry' }), feedbackOf('nobody')])).toEqual([
        { kind: 'label-unknown', labels },
        { kind: 'prediction-unknown' },
      ])
      expect((await store.log.get(given.id))?.feedback).toBeNull()
    })

    test('in parallel, also by several replicas, it is taken one after the other', async () => {
      const given = prediction()
      await store.journal.appendOne(given)
      const replica = await openStore(options)
      const journals = [store.journal, replica.journal]
      const outcomes = await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          journals[i % 2].feedback([feedbackOf(given.id, { label: labels[i % 3] })]),
        ),
      )
      const kinds = outcomes.flat().map((outcome) => outcome.kind)
      expect(kinds.filter((kind) => kind === 'new')).toHaveLength(1)
      const [hour] = await store.log.hours({ since: 0, until: 2 * NOON })
      const current = (await store.log.get(given.id))?.feedback
      expect(current?.changes).toBe(kinds.filter((kind) => kind === 'changed').length)
      expect([hour.feedbackRows, hour.feedbackCorrect]).toEqual([1, current?.correct ? 1 : 0])
      await replica.close()
    })
  })

  describe('the log', () => {
    test('every filter gives what the same filter gives over plain rows', async () => {
      await register(store, { model: 'tickets', task: 'urgency' })
      await fc.assert(
        fc.asyncProperty(
          fc.array(rowArbitrary, { minLength: 1, maxLength: 30 }),
          fc.array(filterArbitrary, { minLength: 5, maxLength: 5 }),
          async (rows, filters) => {
            await store.log.retain({ rowsMax: 0, olderThan: null, stepRows: 1000, stepsMax: 10 })
            const given = rows.map(({ truth, ...row }) => ({ truth, row: prediction({ ...row, id: idAt(row.at) }) }))
            await store.journal.append(given.map(({ row }) => row))
            await store.journal.feedback(
              given.flatMap(({ truth, row }) => (truth === null ? [] : [feedbackOf(row.id, { label: truth })])),
            )
            for (const filter of filters) {
              const expected = given.filter(({ truth, row }) => passes(filter, row, truth)).map(({ row }) => row.id)
              expect(await idsOf(store, filter)).toEqual(expected.reverse())
            }
          },
        ),
        { numRuns: 40 },
      )
    }, 60_000)

    test('pages follow one another without a gap or a double, newest first, while the log grows', async () => {
      const given = Array.from({ length: 25 }, () => prediction())
      await store.journal.append(given)
      const seen: string[] = []
      let cursor: string | null = null
      do {
        const page = await store.log.page({}, 7, cursor)
        seen.push(...page.rows.map((row) => row.id))
        cursor = page.next
        await store.journal.appendOne(prediction())
      } while (cursor !== null)
      expect(seen).toEqual(given.map((row) => row.id).reverse())
    })

    test.each(['', '!', 'zzzzzzzzzzzz', '1 or 1=1', 'ü'])(
      'a cursor %j that no page returned is refused',
      async (cursor) => {
        await expect(store.log.page({}, 5, cursor)).rejects.toMatchObject({ code: 'bad_request' })
      },
    )

    test('a stream gives every row once and stops when its reader does', async () => {
      const given = Array.from({ length: 1234 }, () => prediction())
      await store.journal.append(given)
      const seen: string[] = []
      for await (const rows of store.log.stream({})) seen.push(...rows.map((row) => row.id))
      expect(seen).toEqual(given.map((row) => row.id).reverse())
      let chunks = 0
      for await (const rows of store.log.stream({}, 700)) {
        expect(rows.length).toBeLessThanOrEqual(500)
        if (++chunks === 1) break
      }
      expect(chunks).toBe(1)
      let limited = 0
      for await (const rows of store.log.stream({}, 700)) limited += rows.length
      expect(limited).toBe(700)
    })

    test('words are found as words and phrases, at once and after indexing; nothing in them is query syntax', async () => {
      const given = prediction({ text: TEXT })
      await store.journal.append([given, prediction({ text: 'something else' }), prediction({ text: null })])
      for (const [words, found] of searches)
        expect([words, await idsOf(store, { words })]).toEqual([words, found ? [given.id] : []])
      await expect.poll(async () => (await store.facts()).unindexedRows ?? 0).toBe(0)
      for (const [words, found] of searches)
        expect([words, await idsOf(store, { words })]).toEqual([words, found ? [given.id] : []])
    })

    test('hours are what counting the rows gives', async () => {
      const rows = fc
        .sample(rowArbitrary, { numRuns: 300, seed: 7 })
        .map(({ at, label, confidence, latencyMs }) => prediction({ at, id: idAt(at), label, confidence, latencyMs }))
      await Promise.all(rows.map((row) => store.journal.appendOne(row)))
      const hours = await store.log.hours({ since: 0, until: 2 * NOON })
      expect(hours.map((hour) => hour.hour)).toEqual(
        [...new Set(rows.map((row) => Math.floor(row.at / HOUR_MS) * HOUR_MS))].sort((a, b) => a - b),
      )
      for (const hour of hours) {
        const own = rows.filter((row) => Math.floor(row.at / HOUR_MS) * HOUR_MS === hour.hour)
        expect(hour.rows).toBe(own.length)
        expect({ ...hour.labels }).toEqual(countBy(own.map((row) => row.label)))
        expect(hour.confidenceSum).toBeCloseTo(
          own.reduce((sum, row) => sum + row.confidence, 0),
          9,
        )
        expect(Object.fromEntries(hour.latency)).toEqual(
          countBy(own.map((row) => String(latencyBucket(row.latencyMs)))),
        )
      }
    })

    test('hours take any label for a label', async () => {
      await register(store, { model: 'odd', labels: ['__proto__', 'constructor'] })
      for (const label of ['__proto__', 'constructor', '__proto__']) {
        await store.journal.appendOne(prediction({ model: 'odd', label }))
      }
      const [hour] = await store.log.hours({ since: 0, until: 2 * NOON, model: 'odd' })
      expect(Object.entries(hour.labels).sort(([a], [b]) => (a < b ? -1 : 1))).toEqual([
        ['__proto__', 2],
        ['constructor', 1],
      ])
    })

    test('retention takes the oldest in bounded steps, keeps the roll-ups, and gives no position twice', async () => {
      const given = Array.from({ length: 30 }, (_, i) => prediction({ at: NOON + i, text: `row number${i}` }))
      await store.journal.append(given)
      await store.journal.feedback(given.map((row) => feedbackOf(row.id)))
      expect(await store.log.retain({ rowsMax: null, olderThan: NOON + 10, stepRows: 4, stepsMax: 2 })).toBe(8)
      expect(await store.log.retain({ rowsMax: null, olderThan: NOON + 10, stepRows: 4, stepsMax: 9 })).toBe(2)
      expect(await store.log.retain({ rowsMax: 5, olderThan: null, stepRows: 10, stepsMax: 9 })).toBe(15)
      expect(await idsOf(store, {})).toEqual(
        given
          .slice(25)
          .map((row) => row.id)
          .reverse(),
      )
      expect(await idsOf(store, { words: 'number3' })).toEqual([])
      expect(await idsOf(store, { words: 'number27' })).toEqual([given[27].id])
      const page = await store.log.page({}, 1, null)
      expect(await store.log.retain({ rowsMax: 0, olderThan: null, stepRows: 10, stepsMax: 9 })).toBe(5)
      expect(await store.log.count()).toBe(0)
      const later = prediction()
      await store.journal.appendOne(later)
      // The cursor lies before what was logged after it, even though all that it knew is gone.
      expect((await store.log.page({}, 5, page.next)).rows).toEqual([])
      expect((await store.log.hours({ since: 0, until: 2 * NOON }))[0].rows).toBe(31)
    })
  })

  describe('the registry', () => {
    const by = { who: 'ada', why: 'because', at: NOON }
    const next = (digest: string, given = {}) =>
      store.registry.register({ manifest: manifest(given), digest, ...by, files: null })

    test('numbers count up within a model, also in parallel, and the same digest is the same version', async () => {
      const made = await Promise.all(['d2', 'd3', 'd4', 'd2'].map((digest) => next(digest)))
      expect(made.map((version) => version.version).sort((a, b) => a - b)).toEqual([2, 2, 3, 4])
      expect((await next('m1', { model: 'other' })).version).toBe(1)
      expect((await store.registry.models()).map(({ model, version }) => `${model}@${version}`)).toEqual([
        'other@1',
        'reviews@1',
        'reviews@2',
        'reviews@3',
        'reviews@4',
      ])
      expect(await store.registry.findByDigest('d2')).toEqual(made[0])
      expect(await store.registry.findByDigest('nothing')).toBeNull()
    })

    test('a promotion archives the version before it, a roll-back brings it back, and each is an event', async () => {
      await next('d2')
      await next('d3')
      for (const version of [1, 2, 3]) await store.registry.promote({ model: 'reviews', version, ...by })
      expect((await store.registry.production()).get('sentiment')?.version).toBe(3)
      expect(await store.registry.stageOf('reviews', 2)).toBe('archived')
      const back = (version: number) =>
        store.registry.rollBack({ model: 'reviews', to: { model: 'reviews', version }, ...by })
      expect((await store.registry.rollBackTargets()).get('sentiment')).toMatchObject({ model: 'reviews', version: 2 })
      await expect(back(1)).rejects.toMatchObject({ code: 'stage_conflict' })
      await back(2)
      expect((await store.registry.rollBackTargets()).get('sentiment')).toMatchObject({ version: 1 })
      await back(1)
      expect((await store.registry.rollBackTargets()).size).toBe(0)
      expect((await store.registry.production()).get('sentiment')?.version).toBe(1)
      await expect(back(1)).rejects.toMatchObject({ code: 'stage_conflict' })
      const events = await store.registry.events({ limit: 100 })
      expect(events.map(summaryOf)).toEqual([
        'Registered 1',
        'Registered 2',
        'Registered 3',
        'Promoted 1',
        'Promoted 2 in place of 1',
        'Promoted 3 in place of 2',
        'Rolled back from 3 to 2',
        'Rolled back from 2 to 1',
      ])
      expect(events.at(-1)).toMatchObject({ from: 'archived', to: 'production', action: 'roll-back', ...by })
      expect(await store.registry.events({ limit: 100, newestFirst: true })).toEqual(events.toReversed())
      expect(await store.registry.head()).toBe(events.at(-1)?.seq)
      expect(await store.registry.events({ model: 'reviews', afterSeq: events[2].seq, limit: 2 })).toEqual(
        events.slice(3, 5),
      )
    })

    test('a version that takes the place of another model says so, and is rolled back to it', async () => {
      await next('m1', { model: 'other' })
      await store.registry.promote({ model: 'reviews', version: 1, ...by })
      const promoted = await store.registry.promote({ model: 'other', version: 1, ...by })
      expect(summaryOf(promoted)).toBe('Promoted other@1 in place of reviews@1')
      const to = { model: 'reviews', version: 1 }
      const back = await store.registry.rollBack({ model: 'other', to, ...by })
      expect(summaryOf(back)).toBe('Rolled back from other@1 to reviews@1')
      // Both models were changed, so both histories tell it.
      for (const model of ['reviews', 'other'])
        expect((await store.registry.events({ model, limit: 2, newestFirst: true })).map(summaryOf)).toEqual([
          'Rolled back from other@1 to reviews@1',
          'Promoted other@1 in place of reviews@1',
        ])
      expect((await store.registry.events({ limit: 1, newestFirst: true }))[0]).toEqual(back)
    })

    test('a change of stage that makes no sense is refused', async () => {
      const change = { model: 'reviews', version: 1, ...by }
      await store.registry.promote(change)
      await expect(store.registry.promote(change)).rejects.toMatchObject({ code: 'stage_conflict' })
      await expect(store.registry.archive(change)).rejects.toMatchObject({ code: 'stage_conflict' })
      await expect(store.registry.promote({ ...change, version: 9 })).rejects.toMatchObject({ code: 'version_unknown' })
      await expect(store.registry.rollBack({ ...change, model: 'nobody', to: change })).rejects.toMatchObject({
        code: 'model_unknown',
      })
      await next('d2')
      await store.registry.archive({ ...change, version: 2 })
      await expect(store.registry.archive({ ...change, version: 2 })).rejects.toMatchObject({ code: 'stage_conflict' })
    })

    test('events cannot be changed or deleted', async () => {
      const database = await openDatabase(options)
      await expect(database.write.updateTable('stage_events').set({ who: 'eve' }).execute()).rejects.toThrow(
        'append-only',
      )
      await expect(database.write.deleteFrom('stage_events').execute()).rejects.toThrow('append-only')
      await database.close()
    })

    test('files come back byte for byte, and not at all where none were given', async () => {
      const files = [
        { name: 'manifest.json', bytes: new TextEncoder().encode('{}') },
        { name: 'weights.bin', bytes: new Uint8Array([0, 1, 255, 128]) },
      ]
      await store.registry.register({ manifest: manifest(), digest: 'with-files', ...by, files })
      const back = await Array.fromAsync(store.registry.files('with-files'))
      expect(back.map(({ name, bytes }) => ({ name, bytes: [...bytes] }))).toEqual(
        files.map(({ name, bytes }) => ({ name, bytes: [...bytes] })),
      )
      expect(await Array.fromAsync(store.registry.files('digest of reviews'))).toEqual([])
    })
  })

  test('keys are kept, listed and revoked once', async () => {
    const key = {
      id: 'k1',
      name: 'shop',
      hash: 'ab',
      scopes: ['predict', 'read'] as const,
      ratePerMinute: 100,
      createdAt: NOON,
      expiresAt: null,
      revokedAt: null,
    }
    await store.keys.create(key)
    await store.keys.create({ ...key, id: 'k2', ratePerMinute: null })
    expect(await store.keys.get('k1')).toEqual(key)
    expect(await store.keys.revoke('k1', NOON + 1)).toBe(true)
    expect(await store.keys.revoke('k1', NOON + 2)).toBe(true)
    expect(await store.keys.revoke('nobody', NOON)).toBe(false)
    expect((await store.keys.list()).map(({ id, revokedAt }) => [id, revokedAt])).toEqual([
      ['k1', NOON + 1],
      ['k2', null],
    ])
    expect(await store.keys.get('nobody')).toBeNull()
  })

  describe('the schema', () => {
    test('stores that open a new database together take turns', async () => {
      const together = await place.fresh()
      const stores = await Promise.all([1, 2, 3, 4].map(() => openStore(together)))
      for (const one of stores) await one.close()
      const database = await openDatabase(together)
      expect((await migrationStatus(database)).map((step) => step.at)).toEqual(migrations.map(() => NOON))
      expect(await migrate(database, () => NOON)).toEqual([])
      await database.close()
    })

    test('a database newer than the program is refused and left alone', async () => {
      const database = await openDatabase(options)
      await sql`insert into migrations (number, name, at) values (999, 'future', 0)`.execute(database.write)
      await expect(openStore(options)).rejects.toThrow('schema 999')
      await expect(migrationStatus(database)).rejects.toThrow('schema 999')
      await database.close()
    })

    test('the tables that a commit writes have the columns that the code has, of their types', async () => {
      const database = await openDatabase(options)
      const tables = new Map((await database.read.introspection.getTables()).map((table) => [table.name, table]))
      for (const [name, columns] of Object.entries({
        predictions: predictionColumns,
        feedback: { seq: 'integer', ...feedbackColumns },
        feedback_current: currentColumns,
        hours: hoursColumns,
      })) {
        const found = tables.get(name)?.columns.map((column) => [column.name, kindOf(column.dataType)]) ?? []
        expect({ [name]: Object.fromEntries(found) }).toEqual({ [name]: columns })
      }
      await database.close()
    })

    test('a migration that fails leaves nothing behind', async () => {
      const broken = {
        number: 999,
        name: 'broken',
        async up(db: Parameters<(typeof migrations)[0]['up']>[0]) {
          await db.schema.createTable('half').addColumn('a', 'integer').execute()
          throw new Error('no')
        },
      }
      const database = await openDatabase(options)
      await expect(migrate(database, () => NOON, [...migrations, broken])).rejects.toThrow('no')
      expect((await database.read.introspection.getTables()).map((table) => table.name)).not.toContain('half')
      await database.close()
    })
  })

  describe('the view prediction_logs', () => {
    test('has a row a prediction, with its time and the label that counts', async () => {
      const given = [
        prediction({ at: NOON, label: 'negative', text: 'lovely', source: 'shop' }),
        prediction({ at: NOON + 12_345, text: null }),
      ]
      await store.journal.append(given)
      await store.journal.feedback([feedbackOf(given[0].id, { label: 'positive' })])
      const database = await openDatabase(options)
      const { rows } = await sql<Record<string, unknown>>`select * from prediction_logs order by predicted_at`.execute(
        database.read,
      )
      await database.close()
      const seen = rows.map((row) => ({
        ...row,
        // A Date of one driver; text in UTC, as SQLite's functions of time have it, of the other.
        predicted_at:
          row.predicted_at instanceof Date ? row.predicted_at.getTime() : Date.parse(`${String(row.predicted_at)}Z`),
      }))
      expect(seen).toEqual(
        given.map((one, i) => ({
          id: one.id,
          predicted_at: one.at,
          task: 'sentiment',
          sentiment: one.label,
          confidence_score: one.confidence,
          text: one.text,
          model: 'reviews',
          version: 1,
          latency_ms: one.latencyMs,
          feedback: i === 0 ? 'positive' : null,
          source: one.source,
        })),
      )
    })

    test('is read-only', async () => {
      await store.journal.appendOne(prediction())
      const database = await openDatabase(options)
      for (const change of [
        sql`update prediction_logs set sentiment = 'x'`,
        sql`delete from prediction_logs`,
        sql`insert into prediction_logs (id) values ('x')`,
      ])
        await expect(change.execute(database.write)).rejects.toThrow('prediction_logs')
      expect(await store.log.count()).toBe(1)
      await database.close()
    })

    test('answers the two queries of a pipeline that kept such a table', async () => {
      const now = Date.now()
      const given = [0, 1, 30 * HOUR_MS].map((ago) => prediction({ at: now - ago, confidence: 0.75 }))
      await store.journal.append(given)
      const database = await openDatabase(options)
      const [count, hours] = PIPELINE_QUERIES[name]
      const counted = await sql.raw<Record<string, number>>(count).execute(database.read)
      const { rows } = await sql.raw<PipelineHour>(hours).execute(database.read)
      await database.close()
      expect(Object.values(counted.rows[0])).toEqual([3])
      expect(rows.reduce((sum, row) => sum + row.predictions, 0)).toBe(2)
      expect(rows.map((row) => row.avg_confidence)).toEqual(rows.map(() => 0.75))
      expect(rows.map((row) => new Date(row.hour).getTime() % HOUR_MS)).toEqual(rows.map(() => 0))
    })
  })

  test('a check writes and reads, and the facts have the size', async () => {
    await store.check()
    expect((await store.facts()).databaseBytes).toBeGreaterThan(0)
  })
})

async function register(store: Store, given: Parameters<typeof manifest>[0] = {}) {
  const made = manifest(given)
  await store.registry.register({
    manifest: made,
    digest: `digest of ${made.model}`,
    who: 'ada',
    why: 'first',
    at: NOON,
    files: null,
  })
}

async function idsOf(store: Store, filter: LogFilter): Promise<string[]> {
  const ids: string[] = []
  let cursor: string | null = null
  do {
    const page: { rows: readonly LoggedPrediction[]; next: string | null } = await store.log.page(filter, 4, cursor)
    ids.push(...page.rows.map((row) => row.id))
    cursor = page.next
  } while (cursor !== null)
  return ids
}

/** The type of a column as the code names it. */
function kindOf(dataType: string): string {
  if (/int/i.test(dataType)) return 'integer'
  return /double|float8|real/i.test(dataType) ? 'real' : 'text'
}

function countBy(keys: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1
  return counts
}

/** Some hours, not in the order of the log. */
const timeArbitrary = fc.integer({ min: NOON, max: NOON + 3 * HOUR_MS })
const label = fc.constantFrom(...labels)
const words = ['battery', 'lovely', 'support']
const rowArbitrary = fc
  .record({
    at: timeArbitrary,
    label,
    confidence: fc.double({ min: 0.3, max: 1, noNaN: true }),
    latencyMs: fc.double({ min: 0, max: 2000, noNaN: true }),
    source: fc.constantFrom(null, 'shop', 'mail'),
    model: fc.constantFrom('reviews', 'tickets'),
    text: fc.option(fc.subarray(words).map((some) => some.join(' '))),
    truth: fc.option(label),
  })
  .map((row) => ({ ...row, task: row.model === 'reviews' ? 'sentiment' : 'urgency' }))
const filterArbitrary: fc.Arbitrary<LogFilter> = fc.record(
  {
    task: fc.constantFrom('sentiment', 'urgency', 'nothing'),
    label,
    model: fc.constantFrom('reviews', 'tickets', 'nothing'),
    version: fc.constantFrom(1, 2),
    source: fc.constantFrom('shop', 'mail', 'nothing'),
    since: timeArbitrary,
    until: timeArbitrary,
    confidenceMin: fc.double({ min: 0, max: 1, noNaN: true }),
    confidenceMax: fc.double({ min: 0, max: 1, noNaN: true }),
    feedback: fc.constantFrom('any', 'none', 'correct', 'wrong'),
    words: fc.constantFrom(...words),
  },
  { requiredKeys: [] },
)

function passes(filter: LogFilter, row: Prediction, truth: string | null): boolean {
  const given = {
    any: truth !== null,
    none: truth === null,
    correct: truth === row.label,
    wrong: truth !== null && truth !== row.label,
  }
  return (
    (filter.task === undefined || row.task === filter.task) &&
    (filter.label === undefined || row.label === filter.label) &&
    (filter.model === undefined || row.model === filter.model) &&
    (filter.version === undefined || row.version === filter.version) &&
    (filter.source === undefined || row.source === filter.source) &&
    (filter.since === undefined || row.at >= filter.since) &&
    (filter.until === undefined || row.at < filter.until) &&
    (filter.confidenceMin === undefined || row.confidence >= filter.confidenceMin) &&
    (filter.confidenceMax === undefined || row.confidence <= filter.confidenceMax) &&
    (filter.feedback === undefined || given[filter.feedback]) &&
    (filter.words === undefined || (row.text ?? '').includes(filter.words))
  )
}
