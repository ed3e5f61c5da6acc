import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { TrainingEvent } from '../../../domain/trainingRun.ts'
import { openLstm } from '../../../engine/serve/lstmDetector.ts'
import { openSession, runTensor, valuesOf } from '../../../engine/session.ts'
import { featureNames, featuresOf } from '../../../models/telemetry/features.ts'
import { generateHistory } from '../../../models/telemetry/generateHistory.ts'
import { baseMetrics, rowOf, UNKNOWN } from '../../../models/telemetry/history.ts'
import { type LstmRecipe, lstmRecipe } from '../../../models/telemetry/recipe.ts'
import { scaleInto } from '../../../models/telemetry/scaler.ts'
import { type TrainLstm, trainLstm } from './trainLstm.ts'

const folder = mkdtempSync(join(tmpdir(), 'barometer-lstm-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Small enough for seconds, large enough to learn that a spike is no burst. */
const recipe: LstmRecipe = {
  ...lstmRecipe,
  hidden: 12,
  head: 8,
  length: 16,
  learningRate: 4e-3,
  windows: 2048,
  epochs: 5,
  machines: 16,
  days: 1,
  daysMeasured: 1,
  faultsPerDay: 12,
  faultsPerDayMeasured: 12,
}
const asked: TrainLstm = {
  model: 'nodes',
  task: 'anomaly',
  data: null,
  recipe,
  seed: 3,
  threads: 1,
  engine: '0.0.0',
  createdAt: '2026-01-01T00:00:00.000Z',
}

let folders = 0
function needs(onEvent: (event: TrainingEvent) => void = () => undefined, signal = new AbortController().signal) {
  return { onEvent, signal, folder: join(folder, String(++folders)) }
}

describe('a detector that learnt on generated machines', async () => {
  const events: TrainingEvent[] = []
  const made = await trainLstm(
    asked,
    needs((event) => events.push(event)),
  )
  const [all] = made.evaluations

  test('ranks faults of unseen machines far above chance, and above each control', () => {
    expect(all.name).toBe('unseen machines')
    expect(all.metrics.rocAuc.value).toBeGreaterThan(0.8)
    const controls = made.evaluations.filter(({ name }) => name.includes('control'))
    expect(controls).toHaveLength(4)
    for (const { metrics } of controls) expect(all.metrics.rocAuc.value).toBeGreaterThan(metrics.rocAuc.value)
  })

  test('is calibrated on machines that it did not learn from', () => {
    expect(all.metrics.ece.value).toBeLessThan(0.1)
  })

  test('reports its curve while it runs', () => {
    const phases = events.flatMap((event) => (event.kind === 'phase' ? [event.name] : []))
    expect(phases).toEqual(['features', 'fitting', 'calibrating', 'measuring'])
    const losses = events.flatMap((event) => (event.kind === 'evaluated' ? [event.metrics.loss] : []))
    expect(losses).toHaveLength(recipe.epochs)
    expect(Math.min(...losses)).toBeLessThan(losses[0])
  })

  test('is the same for the same seed, byte by byte', async () => {
    const again = await trainLstm(asked, needs())
    expect(again.artifact.digest).toBe(made.artifact.digest)
  })

  test('that was stopped resumes from its checkpoint to the same version', async () => {
    const stop = new AbortController()
    const mine = needs((event) => {
      if (event.kind === 'point' && event.step === 70) stop.abort(new Error('stopped'))
    }, stop.signal)
    await expect(trainLstm(asked, mine)).rejects.toThrow('stopped')
    const resumed = await trainLstm(asked, { ...mine, signal: new AbortController().signal, onEvent: () => undefined })
    expect(resumed.artifact.digest).toBe(made.artifact.digest)
  })

  test('says step by step what its window form says of the whole', async () => {
    const { files } = made.artifact
    const detector = await openLstm(files)
    const history = generateHistory({
      node: 'x',
      seed: 99,
      startAt: 0,
      rows: 40,
      intervalSeconds: 30,
      metrics: baseMetrics,
    })
    const samples = Array.from(history.at, (at, row) => ({
      node: 'x',
      at,
      metrics: Object.fromEntries(history.metrics.map((metric, m) => [metric, rowOf(history, row)[m]])),
    }))
    const last = (await detector.step(samples)).at(-1)
    const { plan, scaler } = detector.form
    await detector.close()
    const raw = featuresOf(history, plan)
    const window = new Float32Array(raw.length)
    scaleInto(scaler, raw, window)
    const session = await openSession(files['model.onnx'])
    const { logit } = await session.run({ window: runTensor('float32', window, [1, 40, featureNames(plan).length]) })
    await session.close()
    expect(last?.kind === 'scored' && Math.abs(last.logit - valuesOf('float32', logit)[0])).toBeLessThan(1e-5)
  })
})

describe('histories of one’s own', () => {
  const histories = [1, 2].map((seed) => {
    const history = generateHistory({
      node: `own-${seed}`,
      seed,
      startAt: 0,
      rows: 2880 * 2,
      intervalSeconds: 30,
      metrics: baseMetrics,
    })
    const rows = history.at.length
    return { ...history, label: new Uint8Array(rows).fill(UNKNOWN), kind: new Uint8Array(rows), kinds: [] }
  })
  const data = { histories, labelled: false, sha256: 'a'.repeat(64), sources: [{ name: 'mine', rows: 11520 }] }
  const quick: LstmRecipe = { ...recipe, epochs: 1, windows: 64 }

  test('without labels are learnt from with injected faults, apart by time where the machines are few', async () => {
    const { evaluations, artifact } = await trainLstm({ ...asked, recipe: quick, data }, needs())
    expect(evaluations[0].name).toBe('later time, same machines')
    expect(artifact.manifest.data.sources).toEqual(data.sources)
  })

  test('that are too short for a fault are refused with what helps', async () => {
    const short = histories.map((one) => ({ ...one, at: one.at.slice(0, 90), values: one.values.slice(0, 450) }))
    const asking = trainLstm({ ...asked, recipe: quick, data: { ...data, histories: short } }, needs())
    await expect(asking).rejects.toThrow(/Give more history/)
  })

  test('with metrics of any names are learnt from; without those that were asked for they are refused by name', async () => {
    const other = histories.map((one) => ({ ...one, metrics: ['a', 'b', 'c', 'd', 'e'] }))
    const asking = (metrics: string) =>
      trainLstm({ ...asked, recipe: { ...quick, metrics }, data: { ...data, histories: other } }, needs())
    const { artifact } = await asking('')
    expect(artifact.manifest.recipe.parameters['metrics']).toBe('a,b,c,d,e')
    await expect(asking('latency')).rejects.toThrow(/none of the metrics latency; they have a, b/)
  })

  test('with a column that means something and others: only what is known is learnt from, and only there are faults', async () => {
    const mixed = histories.map((one) => ({ ...one, metrics: ['a', 'b', 'c', 'd', 'latency'] }))
    const { artifact } = await trainLstm({ ...asked, recipe: quick, data: { ...data, histories: mixed } }, needs())
    expect(artifact.manifest.recipe.parameters['metrics']).toBe('latency')
  })
})
