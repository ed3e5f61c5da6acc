/** A server whose PostgreSQL stands still or breaks: health is honest, exports end clearly, and a stop keeps its limit. */
import type { HealthAnswer } from '@barometer/wire'
import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type PostgresServer, startPostgres } from '../contracts/postgresServer.ts'
import { startProxy, type TcpProxy } from '../contracts/tcpProxy.ts'
import { type Served, serve } from '../serve.ts'

const LIMIT_SECONDS = 4

let postgres: PostgresServer
let url: string
let proxy: TcpProxy
let server: Served

beforeAll(async () => {
  postgres = await startPostgres()
  url = await postgres.createDatabase()
})
afterAll(() => postgres.remove())
beforeEach(async () => {
  proxy = await startProxy(postgres.port)
  server = await serve({
    databaseUrl: url.replace(`:${postgres.port}/`, `:${proxy.port}/`),
    databasePoolMax: 3,
    shutdownSecondsMax: LIMIT_SECONDS,
  })
  return async () => {
    await server.end()
    await proxy.close()
  }
})

test('behind a connection that stands still: not ready within seconds, and stopped within its limit, with an answer for who waits', async () => {
  expect(await server.call('POST', '/predict', { text: 'fine' })).toMatchObject({ status: 200 })
  expect(await server.call('GET', '/health/ready')).toMatchObject({ status: 200 })
  proxy.swallow()
  const waits = [
    server.call('POST', '/predict', { text: 'not so fine' }),
    server.call('GET', '/predictions'),
    server.call('GET', '/stats'),
  ]
  // The last check is remembered for a second.
  await new Promise((resolve) => setTimeout(resolve, 1100))
  const asked = performance.now()
  const ready = await server.call<HealthAnswer>('GET', '/health/ready')
  expect(ready.status).toBe(503)
  expect(ready.body.checks.find(({ name }) => name === 'store')?.ok).toBe(false)
  expect(performance.now() - asked).toBeLessThan(4500)
  const told = performance.now()
  await server.stop()
  expect(performance.now() - told).toBeLessThan((LIMIT_SECONDS + 1.5) * 1000)
  for (const { status, body } of await Promise.all(waits)) {
    expect(status).toBe(503)
    expect(['store_unavailable', 'stopping']).toContain(body.error.code)
  }
})

test('an export whose connection breaks half-way is cut off, not ended as if it were whole; nothing leaks', async () => {
  await server.call('POST', '/predict', { text: 'fine' })
  await fill(8000)
  for (const format of ['ndjson', 'csv']) {
    const exported = await fetch(`${server.address}/predictions?format=${format}`)
    expect(exported.status).toBe(200)
    const reader = exported.body?.getReader()
    await reader?.read()
    proxy.swallow()
    proxy.cut()
    await expect(
      (async () => {
        while ((await reader?.read())?.done === false);
      })(),
    ).rejects.toThrow()
    proxy.forward()
    await expect.poll(async () => (await server.call('GET', '/health/ready')).status, { timeout: 15_000 }).toBe(200)
  }
  expect(await server.call('POST', '/predict', { text: 'fine again' })).toMatchObject({ status: 200 })
  const { body } = await server.call<string>('GET', '/metrics')
  const connections = (state: string) =>
    Number(new RegExp(`ml_database_connections{state="${state}"} (\\d+)`).exec(body)?.[1])
  expect(connections('open')).toBeLessThanOrEqual(5)
  expect(connections('open')).toBeGreaterThan(0)
  expect(connections('waiting')).toBe(0)
})

/** Rows beside the newest one, without what they would cost through the API. */
async function fill(rows: number) {
  const admin = new Client(url)
  await admin.connect()
  await admin.query(`
    insert into predictions (seq, id, task, version_id, variant, label, confidence, probabilities, latency_ms, drift,
      text_hash, chars, tokens, unknown, source)
    select seq + g, substr(id, 1, 24) || lpad(g::text, 12, '0'), task, version_id, variant, label, confidence,
      probabilities, latency_ms, drift, text_hash, chars, tokens, unknown, repeat('x', 4000)
    from (select * from predictions order by seq desc limit 1), generate_series(1, ${rows}) g`)
  await admin.query(`update hours set rows = rows + ${rows}, seq_max = seq_max + ${rows}
    where seq_max = (select max(seq_max) from hours)`)
  await admin.end()
}
