/**
 * What a training run costs the requests that are served meanwhile: latency with and without one, in turns on one server.
 *
 *   node server/bench/training/beside.ts [--rounds 5] [--seconds 10] [--rate 200] [--recipe transformer] [--home FOLDER --task NAME]
 *
 * Requests come evenly at a fixed rate (open loop), over 8 connections, each answered after its commit. The run is
 * asked for over the API, so it has the server's own priority and threads. Texts and rows are made up; how long they
 * are and how many is what matters here.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runLoad } from '../../src/cli/load/runLoad.ts'
import { sentences } from '../../src/cli/load/sentences.ts'
import { barometer, isRecord } from '../barometer.ts'
import { machine } from '../machine.ts'
import { sleep, start } from '../subject.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '10' },
    rate: { type: 'string', default: '200' },
    recipe: { type: 'string', default: 'transformer' },
    /** A state folder whose production model serves, instead of a new one with the model in the box. */
    home: { type: 'string' },
    task: { type: 'string', default: 'sentiment' },
  },
})
const [rounds, seconds, rate] = [Number(values.rounds), Number(values.seconds), Number(values.rate)]
const CONNECTIONS = 8

const home = values.home ?? mkdtempSync(join(tmpdir(), 'barometer-bench-'))
mkdirSync(join(home, 'data'), { recursive: true })
writeFileSync(join(home, 'data/rows.csv'), rows(4000))
const server = await start(barometer(root, home))
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`)
try {
  say({ what: 'machine', ...machine(root) })
  const { model } = await call('POST', '/predict', { text: sentences[0], task: values.task })
  const served = String(model)
  await load(3)
  const turns: Turn[] = []
  for (let round = 0; round < rounds; round++) {
    for (const training of round % 2 === 0 ? [false, true] : [true, false]) {
      const run = training ? await startRun() : null
      const turn = { what: 'turn', round, training, ...(await load(seconds)) } as const
      if (run !== null) await endRun(run)
      turns.push(turn)
      say(turn)
      await sleep(1000)
    }
  }
  const of = (training: boolean) => turns.filter((turn) => turn.training === training)
  for (const percentile of ['p50', 'p95', 'p99'] as const) {
    const idle = median(of(false).map((turn) => turn[percentile]))
    const during = median(of(true).map((turn) => turn[percentile]))
    say({
      what: 'result',
      served,
      recipe: values.recipe,
      percentile,
      idle,
      during,
      ratio: during / idle,
    })
  }
} finally {
  await server.stop()
  if (values.home === undefined) rmSync(home, { recursive: true, force: true })
}

interface Turn {
  readonly training: boolean
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

async function load(forSeconds: number) {
  const report = await runLoad({
    url: server.url,
    key: null,
    texts: sentences,
    task: values.task,
    connections: CONNECTIONS,
    seconds: forSeconds,
    rate,
  })
  const { p50, p95, p99 } = report.latencyMs
  if (p50 === null || p95 === null || p99 === null) throw new Error(`nothing was answered: ${JSON.stringify(report)}`)
  return { p50, p95, p99, answered: report.answered, unsent: report.unsent, failed: report.answered - report.succeeded }
}

/** Asks for a run that does not end by itself, and waits until it learns. */
async function startRun(): Promise<string> {
  const run = await call('POST', '/training-runs', {
    model: 'beside',
    recipe: values.recipe,
    data: { kind: 'file', path: 'rows.csv' },
    parameters: { epochs: 1000, earlyStopping: 1000 },
  })
  const id = String(run['id'])
  for (;;) {
    const { run: now } = await call('GET', `/training-runs/${id}`)
    if (isRecord(now) && now['point'] !== null) return id
    if (isRecord(now) && now['fault'] !== null) throw new Error(JSON.stringify(now['fault']))
    await sleep(200)
  }
}

async function endRun(id: string): Promise<void> {
  await call('POST', `/training-runs/${id}/cancel`)
  for (;;) {
    const { run } = await call('GET', `/training-runs/${id}`)
    if (isRecord(run) && run['state'] === 'cancelled') return
    await sleep(200)
  }
}

async function call(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const response = await fetch(server.url + path, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  const answer: unknown = await response.json()
  if (!response.ok || !isRecord(answer)) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`)
  return answer
}

/** Reviews of about 60 words, half of them about each of two things. */
function rows(count: number): string {
  const words = ['good', 'bad', 'plain', 'long', 'slow', 'warm', 'cold', 'odd', 'kind', 'loud', 'film', 'scene', 'plot']
  const lines = Array.from({ length: count }, (_, i) => {
    const text = Array.from({ length: 60 }, (_, j) => words[(i * 7 + j * j + (i >> 3)) % words.length])
    return `"${text.join(' ')} number ${i} ${i % 2 === 0 ? 'lovely' : 'awful'}",${i % 2 === 0 ? 'positive' : 'negative'}`
  })
  return `text,label\n${lines.join('\n')}\n`
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1]
}
