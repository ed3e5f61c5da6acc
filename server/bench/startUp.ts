/** How long a start takes and how much memory a started server holds, with three models loaded. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { barometer, command } from './barometer.ts'
import { type Heading, memoryAccount } from './memoryAccount.ts'
import { sleep, start } from './subject.ts'
import { stretch } from './wrk.ts'

export interface StartUp {
  readonly what: 'start-up'
  /** `first`: an empty state folder. `again`: the folder of a server that was stopped. */
  readonly start: 'first' | 'again'
  /** From the process's start to the first 200 of /health/ready. */
  readonly readyMs: number
  /** From the process's start to the first answered prediction. */
  readonly firstAnswerMs: number
}

export interface Memory {
  readonly what: 'memory'
  readonly models: number
  /** Resident memory, in megabytes (10⁶ bytes): five seconds after the start, and after the load. */
  readonly startedMb: number
  readonly loadedMb: number
  readonly loadedPeakMb: number
  /** The same memory by where it is. */
  readonly started: Readonly<Record<Heading, number>>
  readonly loaded: Readonly<Record<Heading, number>>
}

const REST_MS = 5000
const LOAD_SECONDS = 10
const LOAD_CONNECTIONS = 64

export async function startUps(root: string, times: number, said: (line: StartUp) => void): Promise<void> {
  for (let i = 0; i < times; i++) {
    const home = mkdtempSync(join(tmpdir(), 'barometer-bench-'))
    try {
      for (const which of ['first', 'again'] as const) {
        const server = await start(barometer(root, home))
        said({ what: 'start-up', start: which, readyMs: server.readyMs, firstAnswerMs: server.firstAnswerMs })
        await server.stop()
      }
    } finally {
      rmSync(home, { recursive: true })
    }
  }
}

/**
 * The starter models and one of the user's own, trained by the command on a part of the reviews and promoted.
 *
 * @param reviews  texts to train the third model on, the first half as one label, the second as another
 * @param texts    the load
 */
export async function memory(root: string, reviews: readonly string[], texts: readonly string[]): Promise<Memory> {
  const folder = mkdtempSync(join(tmpdir(), 'barometer-bench-'))
  const home = join(folder, 'home')
  try {
    const rows = join(folder, 'rows.jsonl')
    const half = reviews.length / 2
    writeFileSync(
      rows,
      reviews.map((text, i) => `${JSON.stringify({ text, label: i < half ? 'first' : 'second' })}\n`).join(''),
    )
    await command(root, home, ['train', '--data', rows, '--name', 'bench', '--promote'])
    const bodies = join(folder, 'bodies.jsonl')
    writeFileSync(bodies, texts.map((text) => `${JSON.stringify({ text })}\n`).join(''))
    // The first start after an installation compiles what later ones find in the cache; those are what is measured.
    await (await start(barometer(root, home))).stop()
    const server = await start(barometer(root, home))
    try {
      const { models } = (await (await fetch(`${server.url}/models`)).json()) as { models: unknown[] } // as wire/ has it
      await sleep(REST_MS)
      const startedMb = server.memoryMb().now
      const started = memoryAccount(server.pid)
      await stretch(server, bodies, LOAD_CONNECTIONS, LOAD_SECONDS)
      const { now, peak } = server.memoryMb()
      const loaded = memoryAccount(server.pid)
      return { what: 'memory', models: models.length, startedMb, loadedMb: now, loadedPeakMb: peak, started, loaded }
    } finally {
      await server.stop()
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
