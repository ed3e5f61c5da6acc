/** What strangers can do to a server over HTTP, made small enough for a test; `npm run bench -- attacks` makes it large. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { costOf, openRaw, quantile, readAll, startVictim, type Victim } from '../attack.ts'

let victim: Victim
beforeAll(async () => {
  victim = await startVictim()
  // What is made at the first request only is no part of an attack.
  await costOf(victim, async () => void (await (await fetch(`${victim.address}/openapi.json`)).text()))
})
afterAll(() => victim.end())

test.each(['/openapi.json', '/docs/static/swagger-ui-bundle.js', '/metrics', '/models'])(
  'a peer that asks for %s hundreds of times and reads nothing costs little memory, and others are answered',
  async (path) => {
    const cost = await costOf(victim, async () => {
      const sockets = await Promise.all(Array.from({ length: 4 }, () => openRaw(victim.address)))
      const request = `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`
      for (const socket of sockets) socket.write(request.repeat(1500))
      await delay(1000)
      for (const socket of sockets) socket.destroy()
    })
    expect(cost.failed).toBe(0)
    expect(cost.grewMb).toBeLessThan(100)
    expect(quantile(cost.waitedMs, 0.9)).toBeLessThan(1000)
  },
)

test('a request whose sender closes its half of the connection is answered', async () => {
  const socket = await openRaw(victim.address)
  const body = '{"text":"half closed"}'
  socket.end(
    `POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 200 .*"label":/s)
})
