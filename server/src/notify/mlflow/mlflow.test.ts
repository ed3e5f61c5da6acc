/** What MLflow gets of a training run, and that nothing which MLflow does or fails to do harms one. */
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { secretOf } from '../../domain/secret.ts'
import type { TrainingEvent, TrainingRun } from '../../domain/trainingRun.ts'
import type { Manifest, Version } from '../../domain/version.ts'
import { type FakeMlflow, fakeMlflow, type Mischief } from './fakeMlflow.ts'
import { mlflowTracker } from './mlflowTracker.ts'
import type { RunTracker, TrackedEnd } from './tracker.ts'

const NOON = 1_790_000_000_000
let mlflow: FakeMlflow
let said: { level: string; what: string; facts: Readonly<Record<string, unknown>> }[]

beforeEach(async () => {
  mlflow = await fakeMlflow()
  said = []
})
afterEach(() => mlflow.close())

const run: TrainingRun = {
  id: '01990f3a-0000-7000-8000-000000000001',
  asked: {
    model: 'reviews',
    task: 'sentiment',
    recipe: 'transformer',
    data: [{ kind: 'feedback', task: 'sentiment' }],
    test: null,
    from: 'hf:some/model',
    parameters: { epochs: 2, 'odd: näme//x/': 'y'.repeat(9000) },
    seed: 7,
    search: { trials: 3 },
    promote: true,
    why: 'a test',
  },
  state: 'running',
  who: 'cli:ada',
  createdAt: NOON,
  startedAt: NOON,
  endedAt: null,
  heartbeatAt: NOON,
  attempts: 1,
  cancelAsked: false,
  unattended: false,
  result: null,
  fault: null,
  point: null,
  evaluated: null,
}

const manifest: Manifest = {
  format: 1,
  kind: 'transformer',
  model: 'reviews',
  task: 'sentiment',
  labels: ['negative', 'positive'],
  recipe: { name: 'transformer', parameters: { epochs: 2, width: 128 } },
  seed: 7,
  data: { rows: 100, sha256: 'ab'.repeat(32), sources: [] },
  evaluations: [
    { name: 'held-out', rows: 10, metrics: { accuracy: { value: 0.9, low: 0.8, high: 0.95 } } },
    { name: 'imdb: test', rows: 10, metrics: { accuracy: { value: 0.8, low: 0.7, high: 0.9 } } },
  ],
  calibration: { temperature: 1, rows: 10, ece: 0 },
  files: {},
  engine: '0.1.0',
  createdAt: '2026-01-01T00:00:00.000Z',
}

const version: Version = {
  model: 'reviews',
  version: 3,
  task: 'sentiment',
  stage: 'production',
  digest: 'cd'.repeat(32),
  manifest,
  createdAt: NOON,
}

const whole: TrackedEnd = {
  state: 'succeeded',
  version,
  artifact: { manifest, files: { 'card.md': new TextEncoder().encode('# A card') }, paths: {} },
  promoted: true,
  at: NOON + 9000,
}

const nothing = { version: null, artifact: null, promoted: false, at: NOON }

const point = (step: number): TrainingEvent => ({
  kind: 'point',
  step,
  epoch: step / 10,
  rows: step * 32,
  loss: 1 / step,
  learningRate: 1e-3,
  gradientNorm: 2,
  rowsPerSecond: 50,
  etaSeconds: 1,
})

/** Time runs `hurry` times as fast as in the world. */
function track(
  given: Partial<TrainingRun> = {},
  { uri = mlflow.uri, hurry = 20, token = null as string | null } = {},
): RunTracker {
  return mlflowTracker({
    uri,
    authorization: token === null ? null : secretOf(token),
    engine: '0.1.0',
    say: (level, what, facts) => said.push({ level, what, facts }),
    hurry,
  })({ ...run, ...given })
}

const warnings = () => said.filter(({ level }) => level === 'warn')
const only = () => {
  expect(mlflow.runs.size).toBe(1)
  return [...mlflow.runs.values()][0]
}

describe('a run', () => {
  test('arrives whole: parameters, curves, files, the registered version and its alias', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'barometer-mlflow-'))
    writeFileSync(join(folder, 'model.onnx'), 'weights')
    const tracker = track()
    for (let step = 1; step <= 700; step++) tracker.event(point(step), NOON + step)
    tracker.event({ kind: 'evaluated', epoch: 1, rows: 10, metrics: { loss: 0.5, accuracy: 0.75 } }, NOON + 701)
    tracker.event({ kind: 'trial', number: 2, state: 'pruned', parameters: {}, values: [0.6, 0.4] }, NOON + 702)
    tracker.event({ ...point(1), trial: 2 } as TrainingEvent, NOON)
    await tracker.end({
      ...whole,
      artifact: { ...(whole.artifact ?? { manifest, files: {} }), paths: { 'model.onnx': join(folder, 'model.onnx') } },
    })
    rmSync(folder, { recursive: true })

    expect(warnings()).toEqual([])
    const { params, metrics, tags, status, id } = only()
    expect(status).toBe('FINISHED')
    expect(tags.get('barometer.run')).toBe(run.id)
    expect(Object.fromEntries(params)).toMatchObject({
      model: 'reviews',
      recipe: 'transformer',
      from: 'hf:some/model',
      epochs: '2',
      'recipe/width': '128',
      version: 'reviews@3',
    })
    const curve = metrics.filter(({ key }) => key === 'loss')
    expect(curve.map(({ step }) => step)).toEqual(Array.from({ length: 700 }, (_, i) => i + 1))
    expect(curve[1]).toEqual({ key: 'loss', value: 0.5, step: 2, timestamp: NOON + 2 })
    expect(metrics).toContainEqual({ key: 'held_out/accuracy', value: 0.75, step: 700, timestamp: NOON + 701 })
    expect(metrics).toContainEqual({ key: 'trial/loss', value: 0.4, step: 2, timestamp: NOON + 702 })
    expect(metrics).toContainEqual({ key: 'imdb_ test/accuracy', value: 0.8, step: 700, timestamp: NOON + 9000 })
    expect(mlflow.largest.metrics).toBe(1000)
    const folderThere = `1/${id}/artifacts/model`
    expect([...mlflow.files.keys()]).toEqual(
      ['card.md', 'model.onnx', 'manifest.json'].map((name) => `${folderThere}/${name}`),
    )
    expect(Buffer.from(mlflow.files.get(`${folderThere}/model.onnx`) ?? []).toString()).toBe('weights')
    const model = mlflow.models.get('reviews')
    expect(model?.versions).toMatchObject([{ run_id: id, source: `mlflow-artifacts:/1/${id}/artifacts/model` }])
    expect(model?.aliases).toEqual(new Map([['champion', '1']]))
    expect([...mlflow.experiments.keys()]).toEqual(['barometer-sentiment'])
  })

  test('that is not promoted is the challenger, and a second one finds its experiment and model there', async () => {
    await track().end(whole)
    await track({ id: '01990f3a-0000-7000-8000-000000000002' }).end({ ...whole, promoted: false })
    expect(warnings()).toEqual([])
    expect(mlflow.experiments.size).toBe(1)
    expect(mlflow.models.get('reviews')?.aliases).toEqual(
      new Map([
        ['champion', '1'],
        ['challenger', '2'],
      ]),
    )
  })

  test.each([
    ['failed', 'FAILED'],
    ['cancelled', 'KILLED'],
    ['interrupted', 'SCHEDULED'],
  ] as const)('that is %s is %s there, with what it had', async (state, status) => {
    const tracker = track()
    tracker.event(point(1), NOON)
    await tracker.end({ ...nothing, state })
    expect(only()).toMatchObject({ status })
    expect(only().metrics.length).toBeGreaterThan(0)
    expect(mlflow.models.size).toBe(0)
  })

  test('that is resumed continues in the same MLflow run', async () => {
    await track().end({ ...nothing, state: 'interrupted' })
    const again = track({ attempts: 2 })
    again.event(point(5), NOON)
    await again.end(whole)
    expect(warnings()).toEqual([])
    expect(only().status).toBe('FINISHED')
  })

  test('whose artifacts MLflow keeps elsewhere is there without its files', async () => {
    await mlflow.close()
    mlflow = await fakeMlflow('s3://bucket/')
    await track().end(whole)
    expect(warnings()).toEqual([])
    expect(only().status).toBe('FINISHED')
    expect(mlflow.files.size).toBe(0)
    expect(mlflow.models.get('reviews')?.versions).toHaveLength(1)
  })

  test('shows the token, and only in the header', async () => {
    const seen: (string | undefined)[] = []
    mlflow.mischief = (response) => {
      seen.push(response.req.headers.authorization)
      return false
    }
    await track({}, { token: 'Bearer secret-token' }).end({ ...nothing, state: 'failed' })
    expect(new Set(seen)).toEqual(new Set(['Bearer secret-token']))
    expect(JSON.stringify([...mlflow.runs.values()])).not.toContain('secret-token')
  })

  test('any names and values are made into ones that MLflow takes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string({ minLength: 1, maxLength: 300 }), fc.oneof(fc.string(), fc.double(), fc.boolean()), {
          maxKeys: 150,
        }),
        async (parameters) => {
          const tracker = track({ asked: { ...run.asked, parameters: { ...parameters } } })
          await tracker.end({ ...nothing, state: 'failed' })
          expect(warnings()).toEqual([])
        },
      ),
      { numRuns: 30 },
    )
  })
})

describe('an MLflow that', () => {
  /** Ends a run against it, and says how long that took in the tracker's own, hurried time. */
  async function suffer(mischief: Mischief, hurry = 20): Promise<number> {
    mlflow.mischief = mischief
    const tracker = track({}, { hurry })
    for (let step = 1; step <= 10; step++) tracker.event(point(step), NOON)
    const began = performance.now()
    await tracker.end(whole)
    return (performance.now() - began) * hurry
  }

  test('is not there is said to be so, at once, and the run ends within seconds', async () => {
    const closed = createServer()
    closed.listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const address = closed.address()
    const port = typeof address === 'object' ? address?.port : 0
    closed.close()
    const tracker = track({}, { uri: `http://127.0.0.1:${port}` })
    tracker.event(point(1), NOON)
    const began = performance.now()
    await tracker.end(whole)
    expect(performance.now() - began).toBeLessThan(1000)
    expect(warnings().at(-1)).toMatchObject({
      what: 'MLflow has not got all of a training run',
      facts: { run: run.id, why: expect.stringContaining('ECONNREFUSED') },
    })
    expect(Number(warnings().at(-1)?.facts['lost'])).toBeGreaterThan(0)
  })

  test('hangs is given up after the time that the end may take', async () => {
    const took = await suffer(() => true)
    expect(took).toBeLessThan(60_000)
    expect(warnings().at(-1)?.what).toBe('MLflow has not got all of a training run')
  })

  test('refuses with 403 is asked once, and the words name the reason', async () => {
    await suffer((response) => {
      response.writeHead(403).end('Invalid Host header')
      return true
    })
    expect(mlflow.asked).toHaveLength(1)
    expect(warnings().at(-1)?.facts['why']).toContain('--allowed-hosts')
  })

  test.each([
    ['is something else', (response) => void response.end('<html>Welcome</html>'), 'not JSON'],
    ['answers with nonsense', (response) => void response.end('{"run": 7}'), 'no experiment in it'],
    ['answers without an end', (response) => void response.end(`{"a": "${'x'.repeat(2_000_000)}"}`), 'no end'],
    ['redirects', (response) => void response.writeHead(302, { location: 'http://192.0.2.1/' }).end(), 'redirects'],
    ['wants another token', (response) => void response.writeHead(401).end(), 'MLFLOW_TRACKING_TOKEN'],
  ] as const satisfies readonly (readonly [string, (response: Parameters<Mischief>[0]) => void, string])[])(
    '%s is not asked again',
    async (_, mischief, says) => {
      await suffer((response) => {
        mischief(response)
        return true
      })
      expect(mlflow.asked).toHaveLength(1)
      expect(warnings().at(-1)?.facts['why']).toContain(says)
    },
  )

  test('fails now and then gets everything in the end, and nothing twice', async () => {
    // Every third answer is lost before anything was done.
    await suffer((response, _, number) => {
      if (number % 3 !== 0) return false
      response.writeHead(503).end()
      return true
    })
    expect(warnings().filter(({ what }) => what.includes('not got all'))).toEqual([])
    const { metrics, status } = only()
    expect(status).toBe('FINISHED')
    expect(metrics.filter(({ key }) => key === 'loss').map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  test('was away for the whole run gets it at the end, but for what the spool could not hold', async () => {
    let away = true
    mlflow.mischief = (response) => {
      if (away) response.writeHead(502).end()
      return away
    }
    const tracker = track({}, { hurry: 100 })
    for (let step = 1; step <= 10_000; step++) tracker.event(point(step), NOON)
    await expect.poll(() => mlflow.asked.length).toBeGreaterThan(1)
    away = false
    await tracker.end(whole)
    const steps = only().metrics.filter(({ key }) => key === 'loss')
    expect(steps.at(-1)?.step).toBe(10_000)
    expect(only().metrics.length).toBeLessThanOrEqual(20_010)
    expect(said.at(-1)).toMatchObject({ level: 'info', facts: { dropped: expect.any(Number) } })
    expect(Number(said.at(-1)?.facts['dropped'])).toBeGreaterThan(20_000)
  })

  test('refuses a value permanently loses that value, with a warning, and leaves the run alone', async () => {
    await suffer((response, path) => {
      if (!path.endsWith('model-versions/create')) return false
      response.writeHead(400).end(JSON.stringify({ error_code: 'INVALID_PARAMETER_VALUE', message: 'no' }))
      return true
    })
    expect(mlflow.asked.filter((one) => one.endsWith('model-versions/create'))).toHaveLength(1)
    expect(warnings().at(-1)?.facts['why']).toContain('INVALID_PARAMETER_VALUE')
  })
})

test('an event costs a training nothing that it would notice', () => {
  const tracker = track({}, { uri: 'http://127.0.0.1:9' })
  const began = performance.now()
  for (let step = 1; step <= 2000; step++) tracker.event(point(step), NOON)
  expect((performance.now() - began) / 2000).toBeLessThan(1)
  return tracker.end({ ...nothing, state: 'failed' })
})
