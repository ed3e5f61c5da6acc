/** What the store promises of training runs, asked of both databases. */
import './compileCache.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { Fault } from '../../src/domain/faults.ts'
import { POINTS_MAX, type TrainingAsked, type TrainingEvent, type TrainingTrial } from '../../src/domain/trainingRun.ts'
import { openStore } from '../../src/store/openStore.ts'
import type { Store, TrainingEntry } from '../../src/store/store.ts'
import { databases } from '../databases.ts'
import { idAt } from './storeRows.ts'

const NOON = 1_790_000_000_000
const asked: TrainingAsked = {
  model: 'reviews',
  task: 'sentiment',
  recipe: 'linear',
  data: [{ kind: 'feedback', task: 'sentiment', since: NOON }],
  test: null,
  from: null,
  parameters: { epochs: 3, batch: 'full', promote: false },
  seed: 7,
  search: null,
  promote: false,
  why: 'a test',
}

const pointAt = (ordinal: number): TrainingEntry => ({
  seq: ordinal + 1,
  at: NOON + ordinal,
  point: ordinal,
  event: {
    kind: 'point',
    step: ordinal,
    epoch: ordinal / 10,
    rows: ordinal * 32,
    loss: 1 / (ordinal + 1),
    learningRate: 1e-3,
    rowsPerSecond: 100,
    etaSeconds: null,
  },
})
const entry = (seq: number, event: TrainingEvent): TrainingEntry => ({ seq, at: NOON + seq, point: null, event })
const by = (worker: string, at = NOON) => ({ worker, at, deadBefore: at - 20_000 })
const nothing = { result: null, fault: null }

describe.each(databases)('training runs on $name', (database) => {
  const home = mkdtempSync(join(tmpdir(), 'barometer-runs-'))
  let store: Store
  let made = 0

  afterAll(async () => {
    await database.end()
    rmSync(home, { recursive: true, force: true })
  })
  beforeEach(async () => {
    store = await openStore({ url: await database.fresh(), home: join(home, String(made++)), now: () => NOON })
    return () => store.close()
  })
  const create = (given: { unattended?: boolean; at?: number } = {}) =>
    store.trainingRuns.create({
      id: idAt(given.at ?? NOON),
      asked,
      who: 'cli:ada',
      createdAt: given.at ?? NOON,
      unattended: given.unattended ?? false,
    })
  const taken = async (given: Parameters<typeof create>[0] = {}, worker = 'one') => {
    const run = await create(given)
    expect((await store.trainingRuns.claim(run.id, by(worker))).kind).toBe('taken')
    return run.id
  }

  test('a run is read back as it was asked for', async () => {
    const run = await create()
    expect(run).toMatchObject({ state: 'queued', attempts: 0, asked, who: 'cli:ada', result: null, fault: null })
    expect(await store.trainingRuns.get(run.id)).toEqual(run)
    expect(await store.trainingRuns.get('nothing')).toBeNull()
    expect(await store.trainingRuns.page({ model: 'reviews' }, 10, null)).toEqual([run])
    expect(await store.trainingRuns.page({ model: 'other' }, 10, null)).toEqual([])
  })

  test('runs are listed newest first, page by page', async () => {
    const ids = []
    for (let i = 0; i < 5; i++) ids.unshift((await create({ at: NOON + i * 1000 })).id)
    const first = await store.trainingRuns.page({}, 3, null)
    const rest = await store.trainingRuns.page({}, 3, first[2].id)
    expect([...first, ...rest].map(({ id }) => id)).toEqual(ids)
  })

  test('one run is worked on at a time, by whoever was first, over all processes', async () => {
    const [a, b] = [await create(), await create()]
    const claims = await Promise.all([
      store.trainingRuns.claim(a.id, by('one')),
      store.trainingRuns.claim(b.id, by('two')),
      store.trainingRuns.claim(a.id, by('three')),
    ])
    expect(claims.filter(({ kind }) => kind === 'taken')).toHaveLength(1)
    const [running] = await store.trainingRuns.page({ state: 'running' }, 10, null)
    const other = running.id === a.id ? b : a
    expect(await store.trainingRuns.claim(other.id, by('four'))).toMatchObject({
      kind: 'busy',
      run: { id: running.id },
    })
    expect((await store.trainingRuns.claim(running.id, by('four'))).kind).toBe('not-waiting')
  })

  test('a worker that is silent for too long has lost the run, and writes nothing more', async () => {
    const id = await taken({}, 'silent')
    await store.trainingRuns.append(id, by('silent'), [pointAt(0)])
    const later = NOON + 20_001
    expect((await store.trainingRuns.claim(id, by('next', NOON + 19_000))).kind).toBe('not-waiting')
    expect(await store.trainingRuns.claim(id, by('next', later))).toMatchObject({
      kind: 'taken',
      run: { attempts: 2, state: 'running', startedAt: NOON },
      place: { seq: 1, points: 1 },
    })
    expect(await store.trainingRuns.append(id, by('silent', later), [pointAt(1)])).toMatchObject({ lost: true })
    expect(await store.trainingRuns.end(id, by('silent', later), { state: 'succeeded', ...nothing })).toBe(false)
    expect(await store.trainingRuns.events(id, 0, 10)).toHaveLength(1)
    expect((await store.trainingRuns.get(id))?.state).toBe('running')
  })

  test('the same entries written twice are there once', async () => {
    const id = await taken()
    const entries = [
      entry(1, { kind: 'phase', name: 'fitting' }),
      ...[1, 2, 3].map((i) => ({ ...pointAt(i), point: i - 1 })),
    ]
    for (let i = 0; i < 2; i++) await store.trainingRuns.append(id, by('one'), entries)
    const events = await store.trainingRuns.events(id, 0, 100)
    expect(events).toEqual(entries.map(({ seq, at, event }) => ({ seq, at, event })))
    expect(await store.trainingRuns.events(id, 2, 1)).toEqual([events[2]])
    expect((await store.trainingRuns.get(id))?.point).toEqual(entries[3].event)
  })

  test('a long curve is thinned evenly to what is kept, and everything else stays', async () => {
    const id = await taken()
    const points = 3 * POINTS_MAX
    await store.trainingRuns.append(id, by('one'), [{ ...entry(999_999, { kind: 'note', words: 'hello' }) }])
    for (let i = 0; i < points; i += 500)
      await store.trainingRuns.append(
        id,
        by('one'),
        Array.from({ length: Math.min(500, points - i) }, (_, j) => pointAt(i + j)),
      )
    const events = await store.trainingRuns.events(id, 0, 10_000)
    const steps = events.flatMap(({ event }) => (event.kind === 'point' ? [event.step] : []))
    expect(steps).toEqual(Array.from({ length: points / 4 }, (_, i) => i * 4))
    expect(events.at(-1)?.event.kind).toBe('note')
    expect((await store.trainingRuns.get(id))?.point?.step).toBe(points - 1)
  })

  test('a trial is kept as it was told last', async () => {
    const id = await taken()
    const trial = (number: number, values: number[], state: TrainingTrial['state']): TrainingTrial => ({
      kind: 'trial',
      number,
      state,
      parameters: { learningRate: 0.1 },
      values,
    })
    await store.trainingRuns.append(id, by('one'), [
      entry(1, trial(0, [], 'running')),
      entry(2, trial(0, [0.5], 'running')),
    ])
    await store.trainingRuns.append(id, by('one'), [
      entry(3, trial(0, [0.5, 0.4], 'complete')),
      entry(4, trial(1, [], 'running')),
    ])
    expect(await store.trainingRuns.trials(id)).toEqual([trial(0, [0.5, 0.4], 'complete'), trial(1, [], 'running')])
  })

  test('what waits is cancelled at once; what runs hears of it at its next heartbeat; what is over stays as it is', async () => {
    const waiting = await create()
    expect((await store.trainingRuns.cancel(waiting.id, NOON)).state).toBe('cancelled')
    const id = await taken()
    expect(await store.trainingRuns.append(id, by('one'), [])).toEqual({ cancelAsked: false, lost: false })
    expect(await store.trainingRuns.cancel(id, NOON)).toMatchObject({ state: 'running', cancelAsked: true })
    expect(await store.trainingRuns.append(id, by('one'), [])).toEqual({ cancelAsked: true, lost: false })
    expect(await store.trainingRuns.end(id, by('one', NOON + 5), { state: 'cancelled', ...nothing })).toBe(true)
    await expect(store.trainingRuns.cancel(id, NOON)).rejects.toMatchObject({ code: 'run_over' })
    await expect(store.trainingRuns.cancel(idAt(NOON), NOON)).rejects.toMatchObject({ code: 'run_unknown' })
    expect(await store.trainingRuns.get(id)).toMatchObject({ state: 'cancelled', endedAt: NOON + 5 })
  })

  test('the result and the fault are kept', async () => {
    const good = await taken()
    const result = { model: 'reviews', version: 3 }
    await store.trainingRuns.end(good, by('one'), { state: 'succeeded', result, fault: null })
    expect(await store.trainingRuns.get(good)).toMatchObject({ state: 'succeeded', result, fault: null })
    const bad = await taken()
    const fault = { code: 'data_broken', say: 'Too few rows.' } as const
    await store.trainingRuns.end(bad, by('one'), { state: 'failed', result: null, fault })
    expect(await store.trainingRuns.get(bad)).toMatchObject({ state: 'failed', result: null, fault })
  })

  test('a server takes the oldest unattended run that waits, and gives up on one that keeps dying', async () => {
    await create({ at: NOON - 5000 })
    const first = await create({ unattended: true, at: NOON - 3000 })
    const second = await create({ unattended: true, at: NOON - 2000 })
    for (let attempt = 1; attempt <= 2; attempt++) {
      expect((await store.trainingRuns.nextUnattended(by('one'), 2))?.id).toBe(first.id)
      expect((await store.trainingRuns.claim(first.id, by('one'))).kind).toBe('taken')
      expect((await store.trainingRuns.nextUnattended(by('one'), 2))?.id).toBe(second.id)
      await store.trainingRuns.end(first.id, by('one'), { state: 'interrupted', ...nothing })
    }
    expect((await store.trainingRuns.nextUnattended(by('one'), 2))?.id).toBe(second.id)
  })

  test('a queue that is full refuses', async () => {
    for (let i = 0; i < 100; i++) await create({ unattended: true })
    await expect(create({ unattended: true })).rejects.toBeInstanceOf(Fault)
    await expect(create({ unattended: true })).rejects.toMatchObject({ code: 'overloaded' })
  })
})
