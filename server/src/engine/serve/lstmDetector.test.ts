import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Fault } from '../../domain/faults.ts'
import { seededRandom } from '../../math/random.ts'
import type { Detector, NodeSample } from '../../models/telemetry/detector.ts'
import { writeDetectorForm } from '../../models/telemetry/detectorForm.ts'
import { featureNames, featurePlan, featuresOf } from '../../models/telemetry/features.ts'
import { generateHistory } from '../../models/telemetry/generateHistory.ts'
import { baseMetrics, type History, rowOf } from '../../models/telemetry/history.ts'
import { scaleInto } from '../../models/telemetry/scaler.ts'
import { openSession, runTensor, valuesOf } from '../session.ts'
import { openLstm } from './lstmDetector.ts'
import { randomDetector } from './randomDetector.ts'

const names = featureNames(featurePlan)
const machine = (seed: number, rows = 60): History =>
  generateHistory({ node: `n${seed}`, seed, startAt: 0, rows, intervalSeconds: 30, metrics: baseMetrics })
const histories = [1, 2, 3, 4, 5].map((seed) => machine(seed))
const { form, files } = randomDetector(histories)
const { scaler } = form
const LENGTH = form.length

const sampleOf = (history: History, row: number): NodeSample => ({
  node: history.node,
  at: history.at[row],
  metrics: Object.fromEntries(history.metrics.map((metric, m) => [metric, rowOf(history, row)[m]])),
})

let detector: Detector
beforeAll(async () => {
  detector = await openLstm(files)
})
afterAll(() => detector.close())

/** What model.onnx says of the rows [from, to) of a history, read as one window. */
async function windowed(history: History, from: number, to: number): Promise<number> {
  const raw = featuresOf(history, featurePlan).subarray(from * names.length, to * names.length)
  const window = new Float32Array(raw.length)
  scaleInto(scaler, raw, window)
  const session = await openSession(files['model.onnx'])
  const { logit } = await session.run({ window: runTensor('float32', window, [1, to - from, names.length]) })
  await session.close()
  return valuesOf('float32', logit)[0]
}

describe('stepping', () => {
  test('sample by sample says what the whole window says', async () => {
    for (const history of histories) {
      const scores = []
      for (let row = 0; row < history.at.length; row++) scores.push(...(await detector.step([sampleOf(history, row)])))
      for (const row of [LENGTH - 1, 30, 59]) {
        const score = scores[row]
        expect(score.kind).toBe('scored')
        if (score.kind === 'scored')
          expect(Math.abs(score.logit - (await windowed(history, 0, row + 1)))).toBeLessThan(1e-5)
      }
      expect(scores[LENGTH - 2]).toEqual({ kind: 'learning', samples: LENGTH - 1, of: LENGTH })
    }
  })

  test('many nodes together, in any order and grouping, says what each alone says', async () => {
    const alone = new Map<string, unknown>()
    const all: NodeSample[] = []
    for (const history of histories) {
      const one = await openLstm(files)
      const samples = Array.from(history.at, (_, row) => sampleOf(history, row))
      const scores = await one.step(samples)
      for (const [i, { node, at }] of samples.entries()) alone.set(`${node} ${at}`, scores[i])
      all.push(...samples)
      await one.close()
    }
    // By time the nodes alternate; three at a time make runs of any mixture.
    all.sort((a, b) => a.at - b.at)
    const together = await openLstm(files, { batchMax: 3 })
    const random = seededRandom(2)
    for (let from = 0; from < all.length; ) {
      const part = all.slice(from, (from += 1 + Math.floor(random() * 12)))
      for (const [i, score] of (await together.step(part)).entries()) {
        const expected = alone.get(`${part[i].node} ${part[i].at}`)
        if (score.kind === 'scored') expect(score.logit).toBeCloseTo((expected as typeof score).logit, 5)
        else expect(score).toEqual(expected)
      }
    }
    expect(together.nodes).toBe(histories.length)
    await together.close()
  })

  test('calls that overlap are taken in their order', async () => {
    const history = machine(9)
    const one = await openLstm(files)
    const scores = (await Promise.all(Array.from(history.at, (_, row) => one.step([sampleOf(history, row)])))).flat()
    const last = scores[59]
    expect(last.kind === 'scored' && last.logit).toBeCloseTo(await windowed(history, 0, 60), 5)
    await one.close()
  })

  test('after a silence longer than the model knows begins anew', async () => {
    const history = machine(10)
    const late = { ...history, at: history.at.map((at, row) => (row < 30 ? at : at + 301_000)) }
    const one = await openLstm(files)
    const scores = await one.step(Array.from(late.at, (_, row) => sampleOf(late, row)))
    expect(scores[30]).toEqual({ kind: 'learning', samples: 1, of: LENGTH })
    const last = scores[59]
    expect(last.kind === 'scored' && last.logit).toBeCloseTo(await windowed(late, 30, 60), 5)
    await one.close()
  })
})

describe('limits', () => {
  test('a sample that is not later than the one before is late, and changes nothing', async () => {
    const history = machine(11)
    const samples = Array.from(history.at, (_, row) => sampleOf(history, row))
    const [plain, disturbed] = [await openLstm(files), await openLstm(files)]
    const expected = await plain.step(samples)
    const seen = []
    for (const sample of samples) {
      seen.push(...(await disturbed.step([sample])))
      expect(await disturbed.step([sample, { ...sample, at: sample.at - 5000 }])).toEqual([
        { kind: 'late' },
        { kind: 'late' },
      ])
    }
    expect(seen).toEqual(expected)
    await plain.close()
    await disturbed.close()
  })

  test('the node whose last sample is oldest is evicted where there are too many', async () => {
    const one = await openLstm(files, { nodesMax: 2 })
    const at = (node: string, time: number) => one.step([{ node, at: time, metrics: {} }])
    await at('a', 1)
    await at('b', 2)
    await at('a', 3)
    await at('c', 4)
    expect(one.nodes).toBe(2)
    expect(await at('a', 5)).toEqual([{ kind: 'learning', samples: 3, of: LENGTH }])
    expect(await at('b', 6)).toEqual([{ kind: 'learning', samples: 1, of: LENGTH }])
    await one.close()
  })

  test('more samples than may wait are refused at once', async () => {
    const one = await openLstm(files, { waitingMax: 3 })
    const sample = (node: string): NodeSample => ({ node, at: 1, metrics: {} })
    const first = one.step(['a', 'b', 'c'].map(sample))
    await expect(one.step([sample('d')])).rejects.toThrow(Fault)
    expect(await first).toHaveLength(3)
    expect(await one.step([sample('d')])).toHaveLength(1)
    await one.close()
  })

  test('a node that sends nothing that the model knows is scored all the same, by finite numbers', async () => {
    const one = await openLstm(files)
    const scores = await one.step(
      Array.from({ length: 30 }, (_, i) => ({ node: 'x', at: i * 1000, metrics: { y: 1 } })),
    )
    const last = scores[29]
    expect(last.kind === 'scored' && last.probability > 0 && last.probability < 1).toBe(true)
    await one.close()
  })

  test('files that are not of a detector are refused with the reason', async () => {
    const broken = (text: string) => openLstm({ ...files, 'features.json': new TextEncoder().encode(text) })
    await expect(openLstm({})).rejects.toThrow(/lacks step.onnx/)
    await expect(broken('{}')).rejects.toThrow(/another format/)
    await expect(broken(writeDetectorForm({ ...form, threshold: 2 }))).rejects.toThrow(/threshold/)
    await expect(broken(writeDetectorForm({ ...form, plan: { ...featurePlan, metrics: ['x'] } }))).rejects.toThrow(
      /other features/,
    )
  })
})
