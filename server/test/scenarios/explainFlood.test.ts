/** Many who ask why, beside one who only wants an answer. */
import { execFile } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Served, serve } from '../serve.ts'

const FLOOD = 300
const long = 'The battery died after two days, but support was lovely. '.repeat(351).slice(0, 20_000)

interface Answer {
  readonly status: number
  readonly retryAfter: string | null
  readonly isWhole: boolean
}

/** In a process of its own: the flood's work is not the server's. */
const CLIENTS = `
  const [url, body, clients] = JSON.parse(process.argv[1])
  const ask = async () => {
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    const text = await response.text()
    return { status: response.status, retryAfter: response.headers.get('retry-after'), isWhole: text.endsWith('}') }
  }
  process.stdout.write(JSON.stringify(await Promise.all(Array.from({ length: clients }, ask))))`

async function flood(url: string, body: object): Promise<readonly Answer[]> {
  const given = JSON.stringify([url, JSON.stringify(body), FLOOD])
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', CLIENTS, given])
  return JSON.parse(stdout) as Answer[]
}

let server: Served
/** What another client waits for its prediction while as many ask for nothing but scores: a busy machine's own. */
let plainMs: number

beforeAll(async () => {
  server = await serve({ logLevel: 'silent' })
  plainMs = (await beside('/predict', { text: long })).p99
})
afterAll(() => server.end())

/** A flood, and the waits of another client's predictions meanwhile. */
async function beside(path: string, body: object): Promise<{ answers: readonly Answer[]; p99: number }> {
  const over = new AbortController()
  const waitsMs: number[] = []
  const other = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const began = performance.now()
      expect((await server.call('POST', '/predict', { text: 'are you there' })).status).toBe(200)
      waitsMs.push(performance.now() - began)
      await pause(2)
    }
  }
  const waiting = other()
  const answers = await flood(server.address + path, body)
  over.abort()
  await waiting
  waitsMs.sort((a, b) => a - b)
  return { answers, p99: waitsMs[Math.floor(waitsMs.length * 0.99)] }
}

test.each([
  ['/explain', { text: long }],
  ['/predict', { text: long, explain: true }],
])(
  '300 at once ask %s for the reasons of 20,000 characters: some are told, the others refused; predictions go on',
  async (path, body) => {
    const before = process.memoryUsage().rss
    const { answers, p99 } = await beside(path, body)
    const told = answers.filter(({ status }) => status === 200)
    const refused = answers.filter(({ status, retryAfter }) => status === 429 && retryAfter === '1')
    expect(told.length + refused.length).toBe(FLOOD)
    expect(told.length).toBeGreaterThanOrEqual(16)
    expect(refused.length).toBeGreaterThan(0)
    expect(answers.every(({ isWhole }) => isWhole)).toBe(true)
    expect(p99).toBeLessThanOrEqual(Math.max(250, 2 * plainMs))
    expect(process.memoryUsage().rss - before).toBeLessThanOrEqual(200e6)
    // And the place is free again.
    expect((await server.call('POST', path, body)).status).toBe(200)
  },
)
