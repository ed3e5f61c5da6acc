import type { RequestListener, Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { type ConnectionLimits, pacedServer } from './connections.ts'

const limits: ConnectionLimits = {
  underWayMax: 4,
  unsentBytesMax: 64 * 1024,
  waitingMax: 100,
  allUnsentBytesMax: 64 * 2 ** 20,
  connectionsMax: 100,
}

let server: Server
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

async function serve(handler: RequestListener, change: Partial<ConnectionLimits> = {}): Promise<number> {
  server = pacedServer({}, { ...limits, ...change }, handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port // listening on TCP, so never a pipe's name
}

/** A connection that reads nothing until it is resumed. */
async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined)
  socket.pause()
  await new Promise((resolve) => socket.once('connect', resolve))
  return socket
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
const post = (body: string) => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`

/** Everything that comes until the other side ends. */
async function all(socket: Socket): Promise<string> {
  let text = ''
  for await (const piece of socket.setEncoding('latin1')) text += piece as string // setEncoding makes strings
  return text
}

test('the answers of a peer that does not read are not made ahead; once it reads it gets all of them in order', async () => {
  const size = 200_000
  let begun = 0
  const port = await serve((request, response) => {
    begun++
    response.end(`${request.url} ${'x'.repeat(size)}`)
  })
  const socket = await open(port)
  socket.write(Array.from({ length: 80 }, (_, i) => get(`/${i}`)).join(''))
  await delay(300)
  // The kernel's buffers take some of the first answers: loopback gives a connection a few megabytes.
  expect(begun).toBeGreaterThan(0)
  expect(begun).toBeLessThan(60)
  socket.end()
  const answers = [...(await all(socket)).matchAll(/\r\n\r\n\/(\d+) /g)].map(([, i]) => Number(i))
  expect(answers).toEqual(Array.from({ length: 80 }, (_, i) => i))
})

test('a peer that sends further ahead than may wait is cut off, and what it sent is let go', async () => {
  let begun = 0
  const port = await serve(() => {
    begun++
  })
  const socket = await open(port)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.resume()
  socket.write(post('a').repeat(500))
  await closed
  expect(begun).toBe(limits.underWayMax)
})

test('a peer that closes its half after the request gets its answer', async () => {
  const port = await serve((_request, response) => {
    setTimeout(() => response.end('late'), 50)
  })
  const socket = await open(port)
  socket.end(get('/'))
  expect(await all(socket)).toContain('late')
})

test('when too much is unsent, those that stand still are cut off, the largest first; who reads is not', async () => {
  const port = await serve(
    (request, response) => response.end('x'.repeat(request.url === '/large' ? 40_000_000 : 12_000_000)),
    { allUnsentBytesMax: 30_000_000 },
  )
  const small = await open(port)
  const large = await open(port)
  small.write(get('/small'))
  large.write(get('/large'))
  await delay(1300)
  expect((await all(small.end())).length).toBeGreaterThan(12_000_000)
  expect((await all(large)).length).toBeLessThan(40_000_000)
})

test('a new connection takes the place of the one idle longest where there is no more room', async () => {
  const port = await serve((_request, response) => response.end('here'), { connectionsMax: 3 })
  const idle = [await open(port), await open(port)]
  for (const socket of idle) {
    socket.resume()
    socket.write(get('/'))
    await new Promise((resolve) => socket.once('data', resolve))
  }
  const third = await open(port)
  third.end(get('/'))
  expect(await all(third)).toContain('here')
  await delay(20)
  expect(idle.map((socket) => socket.closed || socket.readableEnded)).toEqual([true, false])
})

test('whatever is sent ahead, in whatever pieces, is answered in order with its own body', async () => {
  const port = await serve((request, response) => {
    let body = ''
    request.setEncoding('latin1').on('data', (piece: string) => (body += piece))
    request.on('end', () => {
      const answer = () => response.end(`${body.length} ${body.slice(0, 1)}`)
      if (body.length % 2 === 0) setImmediate(answer)
      else answer()
    })
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 100_000 }), fc.constantFrom('a', 'b', 'c')), {
        minLength: 1,
        maxLength: 30,
      }),
      fc.integer({ min: 1000, max: 70_000 }),
      async (bodies, pieceBytes) => {
        const socket = await open(port)
        const sent = bodies.map(([length, letter]) => post(letter.repeat(length))).join('')
        for (let at = 0; at < sent.length; at += pieceBytes) socket.write(sent.slice(at, at + pieceBytes))
        socket.end()
        const answers = [...(await all(socket)).matchAll(/\r\n\r\n(\d+ .)/g)].map(([, answer]) => answer)
        expect(answers).toEqual(bodies.map(([length, letter]) => `${length} ${letter}`))
      },
    ),
    { numRuns: 25 },
  )
})
