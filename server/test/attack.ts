/** What an attack costs the server that it is made on: memory, and how long another client waits meanwhile. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const command = fileURLToPath(new URL('../bin/barometer.mjs', import.meta.url))

/** A server in a process of its own, so that its memory is its own. */
export interface Victim {
  readonly address: string
  residentMb(): number
  end(): Promise<void>
}

export interface Cost {
  readonly beforeMb: number
  /** The most that resident memory grew above that. */
  readonly grewMb: number
  /** [requests] how long /predict took another client, rising. */
  readonly waitedMs: readonly number[]
  /** Answers of that client that were not 200. */
  readonly failed: number
}

export async function startVictim(environment: Readonly<Record<string, string>> = {}): Promise<Victim> {
  const home = mkdtempSync(join(tmpdir(), 'barometer-victim-'))
  const child = spawn(process.execPath, [command, 'serve', '--port', '0', '--home', home], {
    env: { ...process.env, LOG_LEVEL: 'error', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const address = await new Promise<string>((resolve, reject) => {
    let said = ''
    const listen = (chunk: Buffer) => {
      said += chunk.toString()
      const port = /http:\/\/localhost:(\d+)/.exec(said)?.[1]
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`)
    }
    child.stdout.on('data', listen)
    child.stderr.on('data', listen)
    child.once('exit', () => reject(new Error(`The server ended before it was ready: ${said}`)))
  })
  return {
    address,
    residentMb: () => residentMb(child.pid ?? 0),
    async end() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      if (child.exitCode === null && child.kill('SIGKILL')) await ended
      rmSync(home, { recursive: true, force: true })
    },
  }
}

function residentMb(pid: number): number {
  if (process.platform !== 'linux')
    return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024
  return Number(/VmRSS:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

const SAMPLE_MS = 25

/** Makes the attack while another client predicts, one request after the other. */
export async function costOf(victim: Victim, attack: () => Promise<void>): Promise<Cost> {
  const before = victim.residentMb()
  let most = before
  const over = new AbortController()
  const sampling = setInterval(() => (most = Math.max(most, victim.residentMb())), SAMPLE_MS)
  const waitedMs: number[] = []
  let failed = 0
  const other = async () => {
    while (!over.signal.aborted) {
      const began = performance.now()
      const status = await predictOnce(victim.address).catch(() => 0)
      if (status !== 200) failed++
      waitedMs.push(performance.now() - began)
      await delay(5)
    }
  }
  const others = other()
  try {
    await attack()
  } finally {
    over.abort()
    await others
    clearInterval(sampling)
  }
  return { beforeMb: before, grewMb: most - before, waitedMs: waitedMs.sort((a, b) => a - b), failed }
}

async function predictOnce(address: string): Promise<number> {
  const response = await fetch(`${address}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"text":"the other client"}',
  })
  await response.arrayBuffer()
  return response.status
}

export function quantile(rising: readonly number[], q: number): number {
  return rising[Math.min(rising.length - 1, Math.floor(rising.length * q))]
}

/** A connection that reads nothing until it is resumed; errors are what an attacker expects. */
export async function openRaw(address: string): Promise<Socket> {
  const { hostname, port } = new URL(address)
  const socket = connect(Number(port), hostname).on('error', () => undefined)
  socket.pause()
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return socket
}

/** Everything that the server sends until it ends. */
export async function readAll(socket: Socket): Promise<string> {
  let text = ''
  socket.setEncoding('latin1')
  for await (const piece of socket) text += piece as string // setEncoding makes strings
  return text
}
