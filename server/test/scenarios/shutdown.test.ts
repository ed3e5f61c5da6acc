/** What the server accepted, it answers; what it cannot answer any more, it never accepts. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { Agent, type ClientRequest, request } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { HealthAnswer } from '@barometer/wire'
import { afterEach, expect, test } from 'vitest'
import { openStore } from '../../src/store/openStore.ts'
import { serve } from '../serve.ts'

const command = fileURLToPath(new URL('../../bin/barometer.mjs', import.meta.url))
const LIMIT_SECONDS = 5

interface Process {
  readonly child: ChildProcess
  readonly port: number
  readonly home: string
  readonly ended: Promise<{ code: number | null; signal: string | null }>
}

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

/** `barometer serve` as a process of its own. */
async function start(): Promise<Process> {
  const home = mkdtempSync(join(tmpdir(), 'barometer-stop-'))
  const child = spawn(process.execPath, [command, 'serve', '--port', '0', '--home', home], {
    env: { ...process.env, LOG_LEVEL: 'warn', SHUTDOWN_SECONDS_MAX: String(LIMIT_SECONDS) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.on('exit', (code, signal) => resolve({ code, signal }))
  })
  const port = await new Promise<number>((resolve, reject) => {
    let said = ''
    const listen = (chunk: Buffer): void => {
      said += chunk.toString()
      const found = /http:\/\/localhost:(\d+)/.exec(said)
      if (found !== null) resolve(Number(found[1]))
    }
    child.stdout?.on('data', listen)
    child.stderr?.on('data', listen)
    child.on('exit', () => reject(new Error(`It ended before it was ready: ${said}`)))
  })
  return { child, port, home, ended }
}

interface Answer {
  readonly status: number
  readonly body: string
  readonly connection: string | undefined
}

function send(port: number, agent: Agent, path: string, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent: ClientRequest = request(
      {
        port,
        host: '127.0.0.1',
        path,
        agent,
        method: body === undefined ? 'GET' : 'POST',
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString()))
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: text, connection: response.headers.connection }),
        )
        response.on('error', reject)
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

test('SIGTERM under load loses no request, and the log holds every answered prediction', async () => {
  const { child, port, home, ended } = await start()
  const answered = new Set<string>()
  const lost: unknown[] = []
  let refused = 0
  let stopping = false
  /** One client with one connection, as fast as it is answered, until new connections are refused. */
  const client = async (c: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let i = 0; ; i++) {
      try {
        const answer = await send(port, agent, '/predict', JSON.stringify({ text: `client ${c} says ${i}: lovely` }))
        if (answer.status === 200) answered.add(JSON.parse(answer.body).id)
        else lost.push(answer)
      } catch (error) {
        if (stopping && (error as NodeJS.ErrnoException).code === 'ECONNREFUSED') refused++
        else lost.push(error)
        break
      }
    }
    agent.destroy()
  }
  const clients = Array.from({ length: 24 }, (_, c) => client(c))
  await new Promise((resolve) => setTimeout(resolve, 1500))
  stopping = true
  const told = performance.now()
  child.kill('SIGTERM')
  expect(await ended).toEqual({ code: 0, signal: null })
  expect(performance.now() - told).toBeLessThan(LIMIT_SECONDS * 1000)
  await Promise.all(clients)
  expect(lost).toEqual([])
  expect(refused).toBe(24)
  expect(answered.size).toBeGreaterThan(100)

  const store = await openStore({ url: null, home, now: Date.now })
  const logged = new Set<string>()
  for await (const rows of store.log.stream({})) for (const row of rows) logged.add(row.id)
  await store.close()
  expect([...answered].filter((id) => !logged.has(id))).toEqual([])
})

test('a request whose body is still on its way when the server stops is answered', async () => {
  const { child, port, ended } = await start()
  const body = JSON.stringify({ text: 'slowly but surely' })
  const socket = connect(port, '127.0.0.1')
  socket.write(
    `POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
  )
  await new Promise((resolve) => setTimeout(resolve, 300))
  child.kill('SIGTERM')
  await new Promise((resolve) => setTimeout(resolve, 1200))
  socket.write(body.slice(5))
  const sent = performance.now()
  let answer = ''
  for await (const chunk of socket) answer += String(chunk)
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK/)
  expect(performance.now() - sent).toBeLessThan(2000)
  expect(await ended).toEqual({ code: 0, signal: null })
})

test('a request that never ends does not keep the server from stopping within its limit', async () => {
  const { child, port, ended } = await start()
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  socket.write(
    'POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
  )
  await new Promise((resolve) => setTimeout(resolve, 300))
  const told = performance.now()
  child.kill('SIGINT')
  expect(await ended).toEqual({ code: 0, signal: null })
  expect(performance.now() - told).toBeLessThan((LIMIT_SECONDS + 2) * 1000)
  socket.destroy()
})

test('a start that is refused says why, and ends', async () => {
  const home = mkdtempSync(join(tmpdir(), 'barometer-stop-'))
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as AddressInfo // listening on TCP, so never a pipe's name
  const refusals = [
    { flags: ['--host', '0.0.0.0', '--port', '0'], says: /API key/ },
    { flags: ['--port', String(port)], says: /taken already/ },
  ]
  for (const { flags, says } of refusals) {
    const child = spawn(process.execPath, [command, 'serve', '--home', home, ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    children.push(child)
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const code = await new Promise((resolve) => child.on('exit', resolve))
    expect(said).toMatch(says)
    expect(code).toBe(1)
  }
  taken.close()
}, 30_000)

test('while it stops: ready says 503 on an open connection, closes it, and new connections are refused', async () => {
  const server = await serve({ shutdownSecondsMax: LIMIT_SECONDS })
  const port = Number(new URL(server.address).port)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  expect(await send(port, agent, '/health/ready')).toMatchObject({ status: 200, connection: 'keep-alive' })
  const stopped = server.stop()
  const ready = await send(port, agent, '/health/ready')
  expect(ready).toMatchObject({ status: 503, connection: 'close' })
  const health: HealthAnswer = JSON.parse(ready.body)
  expect(health.status).toBe('stopping')
  await expect(send(port, new Agent(), '/health/live')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await stopped
  await server.end()
})

test('a live stream does not hold the server up', async () => {
  const server = await serve({ shutdownSecondsMax: LIMIT_SECONDS })
  const stream = await fetch(`${server.address}/events`)
  const told = performance.now()
  await server.stop()
  expect(performance.now() - told).toBeLessThan(2500)
  expect(await stream.text()).toContain('retry:')
  await server.end()
})
