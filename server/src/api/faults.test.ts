import { readFileSync } from 'node:fs'
import Fastify from 'fastify'
import { describe, expect, test } from 'vitest'
import { Fault, type FaultCode, faults } from '../domain/faults.ts'
import { faultAnswers, faultOf } from './faults.ts'

describe('the page of faults', () => {
  const page = readFileSync(new URL('../../../docs/guide/faults.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `(\w+)` \| (\d+) \| (.*?) \| (.+) \|$/gm)]

  test('shows the table, in its order, and says what to do about each', () => {
    expect(rows.map(([, code, status, say]) => [code, Number(status), say])).toEqual(
      Object.entries(faults).map(([code, { status, say }]) => [code, status, say]),
    )
    for (const [, , , , what] of rows) expect(what.length).toBeGreaterThan(10)
  })

  test('names only settings that exist', async () => {
    const { settings } = await import('../config.ts')
    const names = new Set<string>(Object.values(settings).map(({ name }) => name))
    for (const [, name] of page.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)) expect(names).toContain(name)
  })
})

test('every fault has a status of the 4xx or 5xx that fits, and a whole sentence', () => {
  for (const { status, say } of Object.values(faults)) {
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(600)
    expect(say).toMatch(/^[A-Z].*\.$/)
  }
})

const of = (more: object) => faultOf(Object.assign(new Error('boom'), { code: 'X' }, more) as never).code

test('an unexpected error is internal, whatever status it carries, unless it is a fault of the request', () => {
  expect(of({})).toBe('internal')
  expect(of({ statusCode: 503 })).toBe('internal')
  expect(of({ statusCode: 200 })).toBe('internal')
  expect(of({ statusCode: 404 })).toBe('route_unknown')
  expect(of({ statusCode: 418 })).toBe('bad_request')
})

test('every fault is counted once, and answered in the shape that all have', async () => {
  const app = Fastify()
  const counted: FaultCode[] = []
  faultAnswers(app, (code) => counted.push(code))
  app.get('/fault/:code', (request) => {
    throw new Fault((request.params as { code: FaultCode }).code, { retryAfterSeconds: 1.2 })
  })
  for (const [code, { status, say }] of Object.entries(faults)) {
    counted.length = 0
    const answer = await app.inject(`/fault/${code}`)
    expect(counted).toEqual([code])
    expect(answer.statusCode).toBe(status)
    expect(answer.headers).toMatchObject({ 'retry-after': '2', 'cache-control': 'no-store' })
    expect(answer.json()).toEqual({ error: { code, message: say, requestId: expect.any(String) } })
  }
})
