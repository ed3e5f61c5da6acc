/** A server under test: how it is started, and how an answer of it is judged. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { cpuMs, descendants, memoryMb } from './linux.ts'

export interface Subject {
  readonly name: string
  readonly command: string
  /** `{port}` stands for the port. */
  readonly args: readonly string[]
  /** Over the bench's own; undefined takes a variable away. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Answers 200 when the server takes work. */
  readonly readyPath: string
  /** What the answer says, or why it is none. */
  readonly judge: (answer: unknown) => Judged | string
  /** What was installed, for the record. */
  readonly versions: Readonly<Record<string, string>>
}

export interface Judged {
  readonly label: string
  readonly confidence: number
}

export interface Running {
  readonly subject: Subject
  readonly url: string
  readonly pid: number
  /** From the process's start to the first 200 of its ready path. */
  readonly readyMs: number
  /** From the process's start to its first answered prediction. */
  readonly firstAnswerMs: number
  /** Of the server and all its processes. */
  cpuMs(): number
  memoryMb(): { readonly now: number; readonly peak: number }
  /** Asks it to stop (SIGTERM) and waits; kills it after a while. */
  stop(): Promise<void>
}

const START_MS_MAX = 60_000
const STOP_MS_MAX = 15_000
const POLL_MS = 2

export async function start(subject: Subject): Promise<Running> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const startedMs = performance.now()
  const child = spawn(
    subject.command,
    subject.args.map((arg) => arg.replace('{port}', String(port))),
    {
      env: { ...process.env, ...subject.environment, PORT: String(port) },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    said = (said + part).slice(-2000)
  })
  let failed: Error | null = null
  child.on('error', (error) => {
    failed = error
  })
  for (;;) {
    if (await answers(url + subject.readyPath)) break
    if (failed !== null) throw failed
    if (child.exitCode !== null || child.signalCode !== null || performance.now() - startedMs > START_MS_MAX) {
      child.kill('SIGKILL')
      throw new Error(`${subject.name} did not start:\n${said}`)
    }
    await sleep(POLL_MS)
  }
  const readyMs = performance.now() - startedMs
  await predict({ url, subject }, 'I really love this product. It works perfectly.')
  const firstAnswerMs = performance.now() - startedMs
  const pid = child.pid ?? 0 // it has answered, so it has an id
  const family = () => {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${subject.name} has ended:\n${said}`)
    return [pid, ...descendants(pid)]
  }
  return {
    subject,
    url,
    pid,
    readyMs,
    firstAnswerMs,
    cpuMs: () => family().reduce((sum, one) => sum + cpuMs(one), 0),
    memoryMb: () =>
      family()
        .map(memoryMb)
        .reduce((sum, one) => ({ now: sum.now + one.now, peak: sum.peak + one.peak })),
    stop: () => stop(child),
  }
}

/** One prediction, judged. @throws where the answer is no 200 or does not hold what it must. */
export async function predict({ url, subject }: Pick<Running, 'url' | 'subject'>, text: string): Promise<Judged> {
  const response = await fetch(`${url}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text }),
  })
  const body = await response.text()
  if (response.status !== 200) throw new Error(`${subject.name} answered ${response.status}: ${body.slice(0, 300)}`)
  const judged = subject.judge(JSON.parse(body))
  if (typeof judged === 'string') throw new Error(`${subject.name} answered wrongly (${judged}): ${body.slice(0, 300)}`)
  return judged
}

const IDLE_SPAN_MS = 250
const IDLE_SPANS_MAX = 240

/** Waits until a server has worked off what it still had: less than a tenth of a core for a quarter of a second. */
export async function idle(server: Running): Promise<void> {
  for (let i = 0; i < IDLE_SPANS_MAX; i++) {
    const before = server.cpuMs()
    await sleep(IDLE_SPAN_MS)
    if (server.cpuMs() - before < IDLE_SPAN_MS / 10) return
  }
  throw new Error(`${server.subject.name} does not come to rest.`)
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url)
    await response.arrayBuffer()
    return response.status === 200
  } catch {
    return false
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
  await gone
  clearTimeout(timer)
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo // listening on TCP
      server.close(() => resolve(port))
    })
  })
}
