/** The example queries of the reference pipeline, verbatim, in a real Prometheus that scrapes the running server. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PredictAnswer } from '@barometer/wire'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withBug } from '../bug.ts'
import { bearer, type Keyed, serveKeyed } from '../keyed.ts'

const queries = {
  predictions: 'sum(ml_predictions_total)',
  predictionRate: 'rate(ml_predictions_total[5m])',
  p95: 'histogram_quantile(0.95, rate(ml_prediction_duration_seconds_bucket[5m]))',
  confidence: 'avg(ml_confidence_score)',
  errorShare: 'rate(ml_errors_total[5m]) / rate(ml_requests_total[5m])',
  positive: 'ml_predictions_total{sentiment="POSITIVE"}',
} as const

/** One sample of an instant query, as Prometheus answers it. */
interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

const texts = [
  'what a lovely, wonderful phone',
  'the worst thing I ever bought, awful',
  'it arrived on Tuesday',
] as const

let keyed: Keyed
let prometheus: ChildProcess
let folder: string
let address: string
const answered: PredictAnswer[] = []

beforeAll(async () => {
  if (spawnSync('prometheus', ['--version']).error !== undefined)
    throw new Error('Prometheus is not installed: apt-get install prometheus')
  keyed = await withBug(() => serveKeyed({ logLevel: 'silent' }))

  folder = mkdtempSync(join(tmpdir(), 'barometer-prometheus-'))
  const config = join(folder, 'prometheus.yml')
  writeFileSync(config, scrapeConfig(new URL(keyed.server.address).host, keyed.keys.read))
  const port = await freePort()
  address = `http://127.0.0.1:${port}`
  prometheus = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: 'ignore' },
  )
  await until(isReady, 30)
  await until(async () => (await ask('up')).length === 1, 30)
  // Traffic over several scrapes, so that rates have something to grow on.
  for (let round = 0; round < 5; round++) {
    for (const text of texts)
      answered.push(
        (await keyed.server.call<PredictAnswer>('POST', '/predict', { text }, bearer(keyed.keys.predict))).body,
      )
    await keyed.server.call('GET', '/bug')
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
  // Until the last prediction has been scraped.
  await until(async () => Number((await ask(queries.predictions))[0]?.value[1]) === answered.length, 20)
})

afterAll(async () => {
  prometheus?.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
  await keyed?.server.end()
})

/** Asks every tenth of a second, at most for so long. */
async function until(isSo: () => Promise<boolean>, secondsMax: number): Promise<void> {
  const end = performance.now() + secondsMax * 1000
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`That was not so within ${secondsMax} seconds.`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

function scrapeConfig(target: string, key: string): string {
  return `
scrape_configs:
  - job_name: barometer
    scrape_interval: 1s
    scrape_timeout: 1s
    authorization: { type: Bearer, credentials: ${key} }
    static_configs: [{ targets: ['${target}'] }]
`
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.on('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const bound = probe.address()
      probe.close(() => resolve(typeof bound === 'object' && bound !== null ? bound.port : 0))
    })
  })
}

function isReady(): Promise<boolean> {
  return fetch(`${address}/-/ready`).then(
    ({ ok }) => ok,
    () => false,
  )
}

async function ask(query: string): Promise<readonly Sample[]> {
  const response = await fetch(`${address}/api/v1/query?query=${encodeURIComponent(query)}`)
  const { status, data } = (await response.json()) as { status: string; data: { result: Sample[] } } // Prometheus's HTTP API, v1
  expect(status).toBe('success')
  return data.result
}

function numbers(samples: readonly Sample[]): number[] {
  return samples.map(({ value }) => Number(value[1]))
}

test(`${queries.predictions} is the number of predictions that were answered`, async () => {
  expect(numbers(await ask(queries.predictions))).toEqual([answered.length])
})

test(`${queries.predictionRate} grows for what was predicted`, async () => {
  const samples = await ask(queries.predictionRate)
  expect(samples.length).toBeGreaterThanOrEqual(3)
  const total = numbers(samples).reduce((sum, rate) => sum + rate, 0)
  expect(total).toBeGreaterThan(0)
  expect(total).toBeLessThan(answered.length)
})

test(`${queries.p95} is a time that a prediction takes`, async () => {
  const times = numbers(await ask(queries.p95)).filter((seconds) => !Number.isNaN(seconds))
  expect(times).toHaveLength(1)
  expect(times[0]).toBeGreaterThan(0.0001)
  expect(times[0]).toBeLessThan(2.5)
})

test(`${queries.confidence} is the mean of the answered confidences`, async () => {
  const mean = answered.reduce((sum, { confidence }) => sum + confidence, 0) / answered.length
  expect(numbers(await ask(queries.confidence))[0]).toBeCloseTo(mean, 3)
})

test(`${queries.errorShare} is all for a route that always fails and nothing for one that never does`, async () => {
  const shares = new Map(
    (await ask(queries.errorShare)).map(({ metric, value }) => [metric['route'], Number(value[1])]),
  )
  expect(shares.get('/bug')).toBeCloseTo(1, 5)
  expect(shares.get('/predict')).toBe(0)
})

test(`${queries.positive} is the number of positive answers`, async () => {
  const samples = await ask(queries.positive)
  expect(samples).toHaveLength(1)
  expect(samples[0].metric).toMatchObject({ task: 'sentiment', model: 'sentiment' })
  expect(Number(samples[0].value[1])).toBe(answered.filter(({ label }) => label === 'positive').length)
})

test('no metric has a text, a key or an id among its labels', async () => {
  const { body } = await keyed.server.call<string>('GET', '/metrics', undefined, bearer(keyed.keys.read))
  for (const text of texts) expect(body).not.toContain(text)
  for (const key of Object.values(keyed.keys)) expect(body).not.toContain(key)
  for (const { id } of answered) expect(body).not.toContain(id)
})

test('promtool finds nothing to say about the metrics', async () => {
  const { body } = await keyed.server.call<string>('GET', '/metrics', undefined, bearer(keyed.keys.read))
  expect(execFileSync('promtool', ['check', 'metrics'], { input: body }).toString()).toBe('')
})

test('without a key the metrics are refused, and Prometheus would see the target as down', async () => {
  expect(await keyed.server.call('GET', '/metrics')).toMatchObject({ status: 401 })
  expect(numbers(await ask('up'))).toEqual([1])
})
