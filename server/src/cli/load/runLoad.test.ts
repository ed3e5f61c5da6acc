import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { text as readText } from 'node:stream/consumers'
import { afterEach, expect, test } from 'vitest'
import { type LoadOptions, type LoadProgress, LoadRefused, runLoad } from './runLoad.ts'
import { sentences } from './sentences.ts'

const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

async function serverThat(answers: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answers)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // listening on TCP
  return `http://127.0.0.1:${port}`
}

const predict = (_request: IncomingMessage, response: ServerResponse) => {
  response.setHeader('content-type', 'application/json')
  response.end('{"id":"1","label":"positive"}')
}

const load = (url: string, options: Partial<LoadOptions> = {}) =>
  runLoad({ url, key: null, texts: sentences, connections: 4, seconds: 0.3, rate: null, ...options })

test('every request is counted once, and its answer is one of the server’s', async () => {
  const seen: string[] = []
  const url = await serverThat((request, response) => {
    void readText(request).then((body) => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization} ${body}`)
      predict(request, response)
    })
  })
  const report = await load(url, { key: 'k', task: 'sentiment', requestsMax: 50, seconds: 30 })
  expect(report).toMatchObject({
    sent: 50,
    answered: 50,
    succeeded: 50,
    malformed: 0,
    unsent: 0,
    errors: {},
    faults: {},
  })
  expect(report.statuses).toEqual({ '200': 50 })
  const expected = Array.from(
    { length: 50 },
    (_, i) => `POST /predict Bearer k ${JSON.stringify({ text: sentences[i % sentences.length], task: 'sentiment' })}`,
  )
  expect(seen.sort()).toEqual(expected.sort())
})

test('an open loop keeps its rate and its connections', async () => {
  const sockets = new Set<Socket>()
  const url = await serverThat((request, response) => {
    sockets.add(request.socket)
    setTimeout(() => predict(request, response), 5)
  })
  const report = await load(url, { rate: 200, connections: 8, seconds: 1 })
  expect(report.answered).toBeGreaterThanOrEqual(195)
  expect(report.answered).toBeLessThanOrEqual(205)
  expect(report.latencyMs.p50).toBeGreaterThan(4)
  expect(sockets.size).toBeLessThanOrEqual(8)
})

test('a stall is charged for every request that was due in it, not only for the one that met it', async () => {
  let requests = 0
  const url = await serverThat((request, response) => {
    if (++requests === 20) setTimeout(() => predict(request, response), 400)
    else predict(request, response)
  })
  const report = await load(url, { rate: 100, connections: 1, seconds: 1 })
  // 40 of the 100 were due in the 400 ms, the middle one of them 200 ms late.
  expect(report.latencyMs.p90).toBeGreaterThan(150)
  expect(report.latencyMs.p50).toBeLessThan(100)
})

test('what was due and never sent is said', async () => {
  const url = await serverThat((request, response) => setTimeout(() => predict(request, response), 100))
  const report = await load(url, { rate: 1000, connections: 1, seconds: 0.5 })
  expect(report.sent + report.unsent).toBeGreaterThanOrEqual(490)
  expect(report.sent).toBeLessThan(10)
})

test('faults are counted by their codes, and refusals do not stop the load', async () => {
  let requests = 0
  const url = await serverThat((request, response) => {
    if (++requests % 2 === 0) return predict(request, response)
    response.statusCode = 503
    response.end(requests % 4 === 1 ? '{"error":{"code":"overloaded","message":"…"}}' : '<html>')
  })
  const report = await load(url, { connections: 1, requestsMax: 40, seconds: 30 })
  expect(report.statuses).toEqual({ '200': 20, '503': 20 })
  expect(report.faults).toEqual({ overloaded: 10, unknown: 10 })
  expect(report.succeeded).toBe(20)
})

test('an answer that is no prediction does not pass for one', async () => {
  const url = await serverThat((_request, response) => response.end('welcome to nginx'))
  expect((await load(url, { requestsMax: 1 })).malformed).toBe(1)
})

test('a server that closes after each answer is connected to again, without an error', async () => {
  const url = await serverThat((request, response) => {
    response.setHeader('connection', 'close')
    predict(request, response)
  })
  const report = await load(url, { requestsMax: 30, seconds: 30 })
  expect([report.answered, report.errors]).toEqual([30, {}])
})

test('a connection that is cut costs its own request only', async () => {
  let requests = 0
  const url = await serverThat((request, response) => {
    if (++requests % 10 === 5) request.socket.destroy()
    else predict(request, response)
  })
  const report = await load(url, { requestsMax: 40, seconds: 30 })
  expect(report.answered).toBe(36)
  expect(Object.values(report.errors).reduce((sum, count) => sum + count, 0)).toBe(4)
})

test('an answer that does not come is given up at the time limit, and the run ends', async () => {
  const url = await serverThat(() => {})
  const report = await load(url, { connections: 2, timeoutSeconds: 0.2 })
  expect(report.answered).toBe(0)
  expect(report.errors['timeout']).toBeGreaterThanOrEqual(2)
  expect(report.latencyMs.p50).toBeNull()
})

test('nobody at the address is an error, not a crash', async () => {
  const url = await serverThat(predict)
  const server = servers.pop()
  await new Promise((resolve) => server?.close(resolve))
  const report = await load(url)
  expect(Object.keys(report.errors)).toEqual(['ECONNREFUSED'])
  // Four connections that wait longer after each failure do not hammer: 50 + 100 + 200 ms.
  expect(report.sent).toBeLessThanOrEqual(16)
})

test('it stops when told, and says so', async () => {
  const url = await serverThat(predict)
  const stop = new AbortController()
  const seen: LoadProgress[] = []
  setTimeout(() => stop.abort(), 100)
  const report = await load(url, { seconds: 60, signal: stop.signal, onProgress: (progress) => seen.push(progress) })
  expect(report.aborted).toBe(true)
  expect(report.seconds).toBeLessThan(10)
  expect(seen.at(-1)?.answered).toBe(report.answered)
})

test.each<[string, Partial<LoadOptions>]>([
  ['another machine', { url: 'http://192.0.2.1:8000' }],
  ['no address', { url: 'localhost' }],
  ['no texts', { texts: [] }],
  ['endless time', { seconds: Infinity }],
  ['a time that is no number', { seconds: NaN }],
  ['half a connection', { connections: 1.5 }],
  ['too many connections', { connections: 100_000 }],
  ['a rate of zero', { rate: 0 }],
  ['no requests', { requestsMax: 0 }],
])('%s is refused before anything is sent', async (_what, options) => {
  await expect(load('http://127.0.0.1:9', options)).rejects.toThrow(LoadRefused)
})
