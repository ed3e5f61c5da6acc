/** Training over HTTP on a real server: from the feedback in its log to a version that serves, watched all the way. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PredictBatchAnswer, TrainingRunBody, TrainingRunDetail, TrainingRunsAnswer } from '@barometer/wire'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bearer, type Keyed, serveKeyed } from '../keyed.ts'
import { type Served, serve } from '../serve.ts'

let server: Served
beforeAll(async () => {
  server = await serve()
  mkdirSync(join(server.config.home, 'data/more'), { recursive: true })
  writeFileSync(
    join(server.config.home, 'data/more/pets.csv'),
    `text,label\n${pets(200)
      .map((row) => row.join(','))
      .join('\n')}\n`,
  )
  writeFileSync(join(server.config.home, 'secret.csv'), 'text,label\na,b\n')
  symlinkSync(join(server.config.home, 'secret.csv'), join(server.config.home, 'data/link.csv'))
})
afterAll(() => server.end())

/** Sentences and what they are about; nothing else in them tells. */
function pets(rows: number): (readonly [text: string, label: string])[] {
  const says = [
    ['purrs again', 'negative'],
    ['barks at night', 'positive'],
  ] as const
  return Array.from({ length: rows }, (_, i) => [`number ${i} ${says[i % 2][0]}`, says[i % 2][1]])
}

interface Told {
  readonly id: string | null
  readonly event: string
  readonly data: Record<string, unknown>
}

/** Reads a stream of events to its end, or until there are enough. */
async function events(path: string, options: { lastId?: string; most?: number } = {}): Promise<readonly Told[]> {
  const left = new AbortController()
  const response = await fetch(server.address + path, {
    headers: options.lastId === undefined ? {} : { 'last-event-id': options.lastId },
    signal: AbortSignal.any([left.signal, AbortSignal.timeout(60_000)]),
  })
  expect(response.headers.get('content-type')).toContain('text/event-stream')
  const told: Told[] = []
  let text = ''
  try {
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString()
      const parts = text.split('\n\n')
      text = parts.pop() ?? ''
      for (const part of parts) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(part)?.[1] ?? null
        const data = field('data')
        if (data === null) continue
        told.push({ id: field('id'), event: field('event') ?? '', data: JSON.parse(data) as Told['data'] })
        if (told.length === options.most) {
          left.abort()
          return told
        }
      }
    }
  } catch (error) {
    if (!left.signal.aborted) throw error
  }
  return told
}

const runOf = async (id: string) => (await server.call<TrainingRunDetail>('GET', `/training-runs/${id}`)).body

test('feedback in the log becomes a version that serves, and its curve can be watched, left and taken up', async () => {
  const rows = pets(120)
  const scored = await server.call<PredictBatchAnswer>('POST', '/predict/batch', {
    items: rows.map(([text]) => ({ text })),
  })
  expect(scored.status).toBe(200)
  const items = scored.body.predictions.flatMap((result, i) =>
    'id' in result ? [{ prediction_id: result.id, label: rows[i][1] }] : [],
  )
  expect(items).toHaveLength(120)
  expect((await server.call('POST', '/feedback', { items })).status).toBe(200)

  const asked = {
    model: 'ours',
    task: 'sentiment',
    data: { kind: 'feedback' },
    promote: true,
    why: 'learned from ours',
  }
  const { status, body: run } = await server.call<TrainingRunBody>('POST', '/training-runs', asked)
  expect({ status, state: run.state, recipe: run.recipe, who: run.who }).toEqual({
    status: 202,
    state: 'queued',
    recipe: 'linear',
    who: 'local',
  })
  const told = await events(`/training-runs/${run.id}/events`)
  expect(new Set(told.map(({ event }) => event))).toEqual(new Set(['phase', 'point', 'evaluated', 'run']))
  const ids = told.flatMap(({ id }) => (id === null ? [] : [Number(id)]))
  expect(ids).toEqual([...ids].sort((a, b) => a - b))
  expect(told.at(-1)).toMatchObject({
    event: 'run',
    data: { state: 'succeeded', result: { model: 'ours', version: 1 } },
  })

  const [first, second] = [told.find(({ event }) => event === 'point'), ids[2]]
  expect(first?.data).toMatchObject({
    step: expect.any(Number),
    loss: expect.any(Number),
    gradient_norm: expect.any(Number),
  })
  const rest = await events(`/training-runs/${run.id}/events`, { lastId: String(second) })
  expect(rest).toEqual(
    told.filter(({ id, event, data }) =>
      id === null ? event === 'run' && data['state'] === 'succeeded' : Number(id) > second,
    ),
  )
  const nothing = await fetch(`${server.address}/training-runs/${run.id}/events`, {
    headers: { 'last-event-id': String(ids.at(-1)) },
  })
  expect(nothing.status).toBe(204)

  const detail = await runOf(run.id)
  expect(detail.run).toMatchObject({ state: 'succeeded', fault: null, why: 'learned from ours', attempts: 1 })
  expect(detail.trials).toEqual([])
  const listed = await server.call<TrainingRunsAnswer>('GET', '/training-runs?model=ours')
  expect(listed.body).toEqual({ runs: [detail.run], next: null })

  await expect
    .poll(
      async () =>
        (await server.call<{ model: string; label: string }>('POST', '/predict', { text: 'number 7 barks at night' }))
          .body,
      {
        timeout: 60_000,
      },
    )
    .toMatchObject({ model: 'ours', label: 'positive' })
})

test('a search is shown trial by trial, and can be cancelled while it runs and while it waits', async () => {
  const ask = (trials: number) =>
    server.call<TrainingRunBody>('POST', '/training-runs', {
      model: 'pets',
      data: { kind: 'file', path: 'more/pets.csv' },
      search: { trials },
    })
  const [long, waiting] = [(await ask(1000)).body, (await ask(2)).body]
  const seen = await events(`/training-runs/${long.id}/events`, { most: 30 })
  expect(seen.filter(({ event }) => event === 'trial').length).toBeGreaterThan(0)
  expect((await runOf(waiting.id)).run.state).toBe('queued')
  const cancelled = await server.call<TrainingRunBody>('POST', `/training-runs/${waiting.id}/cancel`)
  expect(cancelled.body.state).toBe('cancelled')
  expect((await server.call<TrainingRunBody>('POST', `/training-runs/${long.id}/cancel`)).body.cancelling).toBe(true)
  await expect.poll(async () => (await runOf(long.id)).run.state, { timeout: 60_000 }).toBe('cancelled')
  expect((await runOf(long.id)).trials.length).toBeGreaterThan(0)
  expect((await server.call('POST', `/training-runs/${long.id}/cancel`)).body).toMatchObject({
    error: { code: 'run_over' },
  })
})

test('a transformer pre-trains on the texts of another file before it learns the labels', async () => {
  const { body: run } = await server.call<TrainingRunBody>('POST', '/training-runs', {
    model: 'pets',
    recipe: 'transformer',
    data: { kind: 'file', path: 'more/pets.csv' },
    unlabelled: { path: 'more/pets.csv' },
    parameters: { pretrainEpochs: 1, epochs: 1, width: 16, layers: 1, heads: 2, inner: 32 },
  })
  const told = await events(`/training-runs/${run.id}/events`)
  expect((await runOf(run.id)).run.state).toBe('succeeded')
  const phases = told.filter(({ event }) => event === 'phase').map(({ data }) => data['name'])
  expect(phases.indexOf('pre-training')).toBeGreaterThan(-1)
  expect(phases.indexOf('fitting')).toBeGreaterThan(phases.indexOf('pre-training'))
})

test('a server that stops keeps the state of its run, and the next one resumes it', async () => {
  // More trials than any machine is through with before the server has stopped.
  const { body: run } = await server.call<TrainingRunBody>('POST', '/training-runs', {
    model: 'pets',
    data: { kind: 'file', path: 'more/pets.csv' },
    search: { trials: 1000 },
    seed: 4,
  })
  const ended = async () => (await runOf(run.id)).trials.filter(({ state }) => state !== 'running')
  await expect.poll(async () => (await ended()).length, { timeout: 60_000 }).toBeGreaterThan(2)
  const before = await ended()
  server = await server.again()
  await expect.poll(async () => (await runOf(run.id)).run.attempts, { timeout: 60_000 }).toBe(2)
  const between = (await ended()).length
  await expect.poll(async () => (await ended()).length, { timeout: 60_000 }).toBeGreaterThan(between)
  expect((await ended()).slice(0, before.length)).toEqual(before)
  expect((await server.call('POST', `/training-runs/${run.id}/cancel`)).status).toBe(200)
  await expect.poll(async () => (await runOf(run.id)).run.state, { timeout: 60_000 }).toBe('cancelled')
})

describe('what is refused', () => {
  test.each([
    [{ recipe: 'magic' }, 'bad_request', 'There is no recipe “magic”'],
    [{ parameters: { layers: 3 } }, 'bad_request', 'has no setting “layers”'],
    [{ data: { kind: 'file', path: '../secret.csv' } }, 'data_broken', 'There is no file'],
    [{ data: { kind: 'file', path: 'link.csv' } }, 'data_broken', 'There is no file'],
    [{ data: { kind: 'file', path: '/etc/passwd' } }, 'data_broken', 'There is no file'],
    [{ data: { kind: 'file', path: 'none.csv' } }, 'data_broken', 'There is no file'],
    [{ data: { kind: 'other' } }, 'bad_request', 'body/data'],
    [{ unlabelled: { path: '../secret.csv' } }, 'data_broken', 'There is no file'],
    [{ unlabelled: { path: 'more/pets.csv' } }, 'bad_request', 'linear'],
    [{ search: { trials: 0 } }, 'bad_request', 'trials'],
  ])('%j → %s', async (given, code, says) => {
    const asked = { model: 'pets', data: { kind: 'file', path: 'more/pets.csv' }, ...given }
    const { body } = await server.call('POST', '/training-runs', asked)
    expect(body.error).toMatchObject({ code, message: expect.stringContaining(says) })
  })

  test('an unknown run', async () => {
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/events'],
      ['POST', '/cancel'],
    ] as const)
      expect((await server.call(method, `/training-runs/nobody${path}`)).body.error.code).toBe('run_unknown')
    expect((await server.call('GET', '/training-runs?cursor=x')).body.error.code).toBe('bad_request')
  })

  test('what cannot work is kept with its reason', async () => {
    const asked = { model: 'pets', task: 'nothing', data: { kind: 'feedback' } }
    const { body: run } = await server.call<TrainingRunBody>('POST', '/training-runs', asked)
    await expect.poll(async () => (await runOf(run.id)).run.state, { timeout: 60_000 }).toBe('failed')
    expect((await runOf(run.id)).run.fault).toEqual({
      code: 'data_broken',
      message: 'No prediction of “nothing” has feedback.',
    })
  })

  test('a key without the scope', async () => {
    const keyed: Keyed = await serveKeyed({ logLevel: 'silent' })
    try {
      const ask = { model: 'pets', data: { kind: 'feedback' } }
      const reader = bearer(keyed.keys.read)
      expect((await keyed.server.call('POST', '/training-runs', ask, reader)).status).toBe(403)
      expect((await keyed.server.call('POST', '/training-runs/x/cancel', undefined, reader)).status).toBe(403)
      expect((await keyed.server.call('GET', '/training-runs', undefined, reader)).status).toBe(200)
      expect((await keyed.server.call('GET', '/training-runs', undefined, bearer(keyed.keys.predict))).status).toBe(403)
    } finally {
      await keyed.server.end()
    }
  })
})
