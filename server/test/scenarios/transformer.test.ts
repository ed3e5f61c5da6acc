/** A neural model behind the server: promoted under load, batched, refused when too much comes, used from the command line. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Worker } from 'node:worker_threads'
import type { ModelBody, PredictAnswer, PredictBatchAnswer } from '@barometer/wire'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { storeArtifact } from '../../src/versions/artifacts/folder.ts'
import { databases } from '../databases.ts'
import { type Served, serve } from '../serve.ts'
import { registerTransformer, tinyTransformer } from '../tinyTransformer.ts'

const artifact = tinyTransformer()
const sentences = [
  'The battery died after two days, but support was lovely.',
  'I would not recommend this film to anyone.',
  'An unbelievably careful performance',
  'meh',
  'Don’t you think it’s the worst? No, they’re fine, we’ve seen much worse, haven’t we.',
]
const textOf = (i: number) => `${i} ${sentences[i % sentences.length]} ${'walking '.repeat(i % 23)}`

describe.each(databases)('on $name', (database) => {
  let server: Served
  beforeAll(async () => {
    server = await serve({ databaseUrl: await database.fresh() })
    await registerTransformer(artifact, server.config)
  })
  afterAll(async () => {
    await server.end()
    await database.end()
  })

  test('it takes the place of a linear model and gives it back under load, and no request fails or is lost', async () => {
    const statuses = new Map<number, number>()
    const models = new Map<string, number>()
    const ids: string[] = []
    const over = new AbortController()
    const client = async (c: number) => {
      for (let i = 0; !over.signal.aborted; i++) {
        const { status, body } = await server.call<PredictAnswer>('POST', '/predict', { text: textOf(c + 8 * i) })
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        models.set(body.model, (models.get(body.model) ?? 0) + 1)
        ids.push(body.id)
      }
    }
    const traffic = Promise.all(Array.from({ length: 8 }, (_, c) => client(c)))
    const seen = async (model: string, more: number) => {
      const before = models.get(model) ?? 0
      while ((models.get(model) ?? 0) < before + more) await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await seen('sentiment', 20)
    for (let turn = 0; turn < 2; turn++) {
      const promoted = await server.call<ModelBody>('POST', '/models/encoder/versions/1/stage', { action: 'promote' })
      expect(promoted.body).toMatchObject({ production: 1 })
      await seen('encoder', 40)
      const back = await server.call('POST', '/models/encoder/rollback', {})
      expect(back.status).toBe(200)
      await seen('sentiment', 40)
    }
    over.abort()
    await traffic
    expect([...statuses.keys()]).toEqual([200])
    expect(new Set(models.keys())).toEqual(new Set(['sentiment', 'encoder']))
    const { body } = await server.call<{ total: { predictions: number } }>('GET', '/stats')
    expect(new Set(ids).size).toBe(ids.length)
    expect(body.total.predictions).toBe(ids.length)
  })

  test('texts of a batch get what they get alone, in order, each fault in its place', async () => {
    await server.call('POST', '/models/encoder/versions/1/stage', { action: 'promote' })
    const texts = Array.from({ length: 120 }, (_, i) => textOf(i)).with(7, '   ')
    const { status, body } = await server.call<PredictBatchAnswer>('POST', '/predict/batch', {
      texts,
      return_probabilities: true,
    })
    expect(status).toBe(200)
    expect(body.predictions).toHaveLength(texts.length)
    expect(body.predictions[7]).toMatchObject({ error: { code: 'empty_text' } })
    for (const i of [0, 3, 4, 22, 44, 119]) {
      const alone = await server.call<PredictAnswer>('POST', '/predict', { text: texts[i], return_probabilities: true })
      const together = body.predictions[i]
      if (!('probabilities' in together)) throw new Error('was refused')
      expect(alone.body.model).toBe('encoder')
      for (const [label, p] of Object.entries(together.probabilities ?? {}))
        expect(alone.body.probabilities?.[label]).toBeCloseTo(p, 5)
    }
    expect(new Set(body.predictions.map((one) => ('confidence' in one ? one.confidence : 0))).size).toBeGreaterThan(60)
  })

  test('a restart serves it again', async () => {
    server = await server.again()
    const { body } = await server.call<PredictAnswer>('POST', '/predict', { text: sentences[0] })
    expect(body.model).toBe('encoder')
  })
})

describe('under more than it can do', () => {
  let server: Served
  beforeAll(async () => {
    server = await serve({ scoringTextsMax: 4, scoringThreads: 1 })
    await registerTransformer(artifact, server.config)
    await server.call('POST', '/models/encoder/versions/1/stage', { action: 'promote' })
  })
  afterAll(() => server.end())

  test('a full queue refuses at once with 429 and says when to come again; the rest is answered', async () => {
    const answers = await Promise.all(
      Array.from({ length: 150 }, (_, i) => server.call('POST', '/predict', { text: textOf(i) })),
    )
    const counts = Map.groupBy(answers, ({ status }) => status)
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([200, 429])
    const refused = counts.get(429) ?? []
    expect(refused.every(({ body }) => body.error.code === 'queue_full')).toBe(true)
    expect(Number(refused[0].headers.get('retry-after'))).toBeGreaterThan(0)
    const after = await server.call('POST', '/predict', { text: 'and then it goes on' })
    expect(after.status).toBe(200)
    const metrics = await (await fetch(`${server.address}/metrics`)).text()
    expect(metrics).toMatch(/^ml_scoring_texts_waiting 0$/m)
    expect(metrics).toMatch(/^ml_scoring_batch_texts_count [1-9]/m)
    expect(metrics).toMatch(/^ml_faults_total\{code="queue_full"\} [1-9]/m)
  })

  test('a batch request waits for its turn instead', async () => {
    const texts = Array.from({ length: 60 }, (_, i) => textOf(i))
    const { body } = await server.call<PredictBatchAnswer>('POST', '/predict/batch', { texts })
    expect(body.predictions.every((one) => 'label' in one)).toBe(true)
  })
})

describe('attacked', () => {
  let server: Served
  const workers: Worker[] = []
  const remember = (worker: Worker) => workers.push(worker)
  beforeAll(async () => {
    process.on('worker', remember)
    server = await serve({ scoringThreads: 2, logLevel: 'silent' })
    await registerTransformer(artifact, server.config)
    await server.call('POST', '/models/encoder/versions/1/stage', { action: 'promote' })
  })
  afterAll(async () => {
    process.off('worker', remember)
    await server.end()
  })

  const ask = async (path: string, body: object) => (await server.call('POST', path, body)).status

  test('threads that die under load take no text with them: each is scored or refused, and others take their place', async () => {
    const before = workers.length
    const scoring = workers.filter((worker) => worker.threadId > 0).slice(-2)
    const answers = Array.from({ length: 200 }, (_, i) => ask('/predict', { text: textOf(i) }))
    // An unreadable message ends a thread between two batches; ONNX Runtime would end the process with one in a run.
    for (const worker of scoring) worker.postMessage(null)
    const statuses = new Set(await Promise.all(answers))
    expect([...statuses].filter((status) => ![200, 429, 503].includes(status))).toEqual([])
    expect(statuses).toContain(200)
    await expect.poll(() => workers.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(before + 2)
    expect(await ask('/predict', { text: 'and then it goes on' })).toBe(200)
    expect((await server.call('GET', '/health')).status).toBe(200)
  })

  test('many who ask for reasons are told or refused; who asks a model that scores at once is answered meanwhile', async () => {
    const long = textOf(1).repeat(200).slice(0, 20_000)
    const rss = process.memoryUsage().rss
    const asking = Array.from({ length: 100 }, () => ask('/explain', { text: long }))
    const other = await Promise.all(
      Array.from({ length: 20 }, (_, i) => ask('/predict', { text: `error ${i}`, task: 'severity' })),
    )
    expect(new Set(other)).toEqual(new Set([200]))
    const counts = Map.groupBy(await Promise.all(asking), (status) => status)
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([200, 429])
    expect(process.memoryUsage().rss - rss).toBeLessThanOrEqual(200e6)
    expect(await ask('/explain', { text: long })).toBe(200)
  })
})

describe('on the command line', () => {
  let folder: string
  const bin = fileURLToPath(new URL('../../bin/barometer.mjs', import.meta.url))
  const run = async (...args: string[]) => {
    const { stdout } = await promisify(execFile)(process.execPath, [bin, ...args], {
      env: { ...process.env, BAROMETER_HOME: join(folder, 'home') },
    })
    return stdout
  }
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'barometer-test-'))
    await storeArtifact(join(folder, 'version'), artifact)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('predict scores texts and files, and both say the same', async () => {
    const model = join(folder, 'version')
    const texts = Array.from({ length: 200 }, (_, i) => textOf(i))
    await writeFile(join(folder, 'texts.jsonl'), texts.map((text) => `${JSON.stringify({ text })}\n`).join(''))
    const printed = await run('predict', '--model', model, '--file', join(folder, 'texts.jsonl'), '--output', 'ndjson')
    const lines = printed
      .trimEnd()
      .split('\n')
      .map((line): { label: string; confidence: number } => JSON.parse(line))
    expect(lines).toHaveLength(texts.length)
    const alone: { label: string; confidence: number } = JSON.parse(
      await run('predict', '--model', model, '--json', texts[13]),
    )
    expect(lines[13].label).toBe(alone.label)
    expect(lines[13].confidence).toBeCloseTo(alone.confidence, 5)
  })

  test('evaluate measures it', async () => {
    const rows = Array.from({ length: 80 }, (_, i) => ({
      text: textOf(i),
      label: i % 2 === 0 ? 'negative' : 'positive',
    }))
    const data = join(folder, 'labelled.jsonl')
    await writeFile(data, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    const printed: { evaluation: { rows: number; metrics: Record<string, { value: number }> } } = JSON.parse(
      await run('evaluate', '--model', join(folder, 'version'), '--data', data, '--json'),
    )
    expect(printed.evaluation.rows).toBe(80)
    expect(printed.evaluation.metrics['accuracy'].value).toBeGreaterThan(0.2)
  })
})
