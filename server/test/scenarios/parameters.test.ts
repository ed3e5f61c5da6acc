/** What callers may send in queries, paths and bodies, on both databases: never a 5xx, and never another question than was asked. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { databases } from '../databases.ts'
import { type Served, serve } from '../serve.ts'

describe.each(databases)('on $name', (database) => {
  let server: Served
  beforeAll(async () => {
    server = await serve({ databaseUrl: await database.fresh() })
    await server.call('POST', '/predict', { text: 'a lovely day', id: 'mine' })
  })
  afterAll(async () => {
    await server.end()
    await database.end()
  })

  test.each([
    '/predictions?since=2016-12-31T23:59:60Z',
    '/predictions?since=2026-01-01T00:00:00%2B05',
    '/predictions?since=2026-01-01T00:00:00+05:00',
    '/predictions?since=2026-02-30T00:00:00Z',
    '/predictions?since=1969-12-31T23:59:59Z',
    '/predictions?until=0000-01-01T00:00:00Z',
    '/predictions?since=2026-01-01',
    '/predictions?q=a%00b',
    '/predictions?q=',
    '/predictions?label=a%00b',
    '/predictions?label=',
    '/predictions?source=a%00b',
    '/predictions?version=1e20',
    '/predictions?version=2147483648',
    '/predictions?version=0x1',
    '/predictions?version=%201',
    '/predictions?version=1.5',
    '/predictions?version=',
    '/predictions?limit=0',
    '/predictions?limit=1&limit=2',
    '/predictions?confidence_min=',
    '/predictions?confidence_min=NaN',
    '/predictions?cursor=%00',
    '/predictions?cursor=zzzzzzzzzzzzzzzzzz',
    '/predictions?labl=positive',
    '/predictions/a%00b',
    `/predictions/${'a'.repeat(129)}`,
    '/stats?since=2016-12-31T23:59:60Z',
    '/stats?until=2026-01-01T24:00:00Z',
    '/stats?version=99999999999',
    '/stats?model=%00',
    '/models/sentiment%00',
    '/models/sentiment/events?limit=1e2',
    '/training-runs?cursor=a%00',
    '/training-runs/a%00b',
    '/training-runs/a%00b/events',
  ])('GET %s is a bad request', async (path) => {
    const { status, body } = await server.call('GET', path)
    expect({ status, code: body.error.code }).toEqual({ status: 400, code: 'bad_request' })
  })

  test.each([
    ['/predict', { text: 'a', id: 'a\0b' }],
    ['/predict', { text: 'a', source: 'a\0b' }],
    ['/predict', { text: null }],
    ['/predict', { text: 'a', task: null }],
    ['/predict', { text: 'a', explain: 'true' }],
    ['/predict/batch', { texts: null }],
    ['/predict/batch', { texts: {} }],
    ['/predict/batch', { texts: ['a'], items: [{ text: 'a' }] }],
    ['/predict/batch', { texts: ['a'], items: null }],
    ['/explain', { prediction_id: 'a\0b' }],
    ['/feedback', { prediction_id: 'mine', label: 'positive', items: null }],
    ['/feedback', { prediction_id: 'mine', label: 'positive', items: '' }],
    ['/feedback', { prediction_id: 'mine', label: 'positive', items: {} }],
    ['/feedback', { prediction_id: 'mine', label: 'positive', items: [] }],
    [
      '/feedback',
      {
        prediction_id: 'mine',
        label: 'positive',
        items: [{ prediction_id: 'mine', label: 'positive', comment: { length: '' } }],
      },
    ],
    ['/feedback', { items: [{ prediction_id: 'mine', label: 'positive', comment: { length: '' } }] }],
    ['/feedback', { items: null }],
    ['/feedback', { items: {} }],
    ['/feedback', []],
    ['/feedback', { prediction_id: 'mine', label: 'positive', comment: 'a\0b' }],
    ['/feedback', { prediction_id: 'mine', label: 'a\0b' }],
    ['/feedback', { prediction_id: 'a\0b', label: 'positive' }],
    ['/models/sentiment/versions/1/stage', { action: 'promote', why: 'a\0b' }],
    ['/models/sentiment/versions/2147483648/stage', { action: 'promote' }],
    ['/models/sentiment/versions/1e20/stage', { action: 'promote' }],
    ['/models/sentiment/rollback', { why: 'a\0b' }],
    ['/training-runs', { model: 'ours', data: { kind: 'feedback', path: 'x' } }],
    ['/training-runs', { model: 'ours', data: { kind: 'feedback', since: '2016-12-31T23:59:60Z' } }],
    ['/training-runs', { model: 'ours', data: { kind: 'feedback' }, why: 'a\0b' }],
    ['/training-runs', { model: 'ours', data: { kind: 'feedback' }, parameters: { a: 'b\0' } }],
    ['/training-runs', { model: 'ours', data: { kind: 'feedback' }, parameters: { 'a\0': 1 } }],
    ['/training-runs/a%00b/cancel', undefined],
  ])('POST %s with %j is a bad request', async (path, body) => {
    const { status, body: answer } = await server.call('POST', path, body)
    expect({ status, code: answer.error.code }).toEqual({ status: 400, code: 'bad_request' })
  })

  test('every time that is taken is one that the log can be asked for', async () => {
    const part = (max: number) => fc.integer({ min: 0, max }).map((n) => String(n).padStart(2, '0'))
    const time = fc
      .tuple(fc.integer({ min: 1960, max: 9999 }), part(13), part(32), part(25), part(61), part(61), part(25), part(61))
      .map(([y, mo, d, h, mi, s, oh, om]) => `${y}-${mo}-${d}T${h}:${mi}:${s}%2B${oh}:${om}`)
    await fc.assert(
      fc.asyncProperty(time, async (since) => {
        const { status } = await server.call('GET', `/predictions?since=${since}&limit=1`)
        expect([200, 400]).toContain(status)
      }),
      { numRuns: 60 },
    )
  })

  test('the journal counts nothing that it cannot count: after all of this it is empty', async () => {
    const { body } = await server.call<{ checks: { name: string; detail: string }[] }>('GET', '/health')
    expect(body.checks.find(({ name }) => name === 'queue')?.detail).toMatch(/^0 of /)
    expect((await server.call('POST', '/predict', { text: 'x'.repeat(70) })).status).toBe(200)
  })
})
