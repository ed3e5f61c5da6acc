import { describe, expect, test } from 'vitest'
import { normal } from '../../math/normal.ts'
import { seededRandom } from '../../math/random.ts'
import { generateHistory } from '../../models/telemetry/generateHistory.ts'
import { ANOMALY, baseMetrics, type LabelledHistory } from '../../models/telemetry/history.ts'
import { faultKinds, injectFaults } from '../../models/telemetry/injectFaults.ts'
import { fitPlatt } from '../../stats/platt.ts'
import { plainZ, rangeExceedance, usualDeviation } from './controls.ts'
import type { ScoredSeries } from './detection.ts'
import { measureDetector } from './measureDetector.ts'

const machine = (seed: number): LabelledHistory =>
  injectFaults(
    generateHistory({ node: `n${seed}`, seed, startAt: 0, rows: 4000, intervalSeconds: 60, metrics: baseMetrics }),
    { seed, perDay: 6, afterSeconds: 300 },
  ).history

describe('the table of a detector', () => {
  const histories = [1, 2, 3, 4].map((seed) => machine(seed))
  const scored = (score: (history: LabelledHistory, row: number) => number): ScoredSeries[] =>
    histories.map((history) => ({
      history,
      from: 60,
      scores: Array.from(history.at, (_, row) => score(history, row)),
    }))

  test('gives full marks to who knows the answers, and half to who knows nothing', () => {
    const knowing = measureDetector({
      name: 'x',
      series: scored(({ label }, row) => (label[row] === ANOMALY ? 0.9 : 0.1)),
      threshold: 0.5,
      seed: 1,
    })
    expect(knowing[0].metrics.rocAuc.value).toBe(1)
    expect(knowing[0].metrics.eventRecall.value).toBe(1)
    expect(knowing[0].metrics.falseAlertsPerNodeWeek.value).toBe(0)
    const random = seededRandom(1)
    const guessing = measureDetector({ name: 'x', series: scored(() => random()), threshold: 0.5, seed: 1 })
    expect(Math.abs(guessing[0].metrics.rocAuc.value - 0.5)).toBeLessThan(0.03)
  })

  test('has a line for each kind of fault and for each control, and a random control learns nothing', () => {
    const table = measureDetector({
      name: 'x',
      series: scored(({ label, kind }, row) =>
        label[row] === ANOMALY && kind[row] - 1 !== faultKinds.indexOf('flatline') ? 0.9 : 0.1,
      ),
      threshold: 0.5,
      seed: 1,
    })
    const auc = (name: string) => table.find((each) => each.name === name)!.metrics.rocAuc.value
    expect(auc('x: level-shift')).toBe(1)
    expect(auc('x: flatline')).toBe(0.5)
    expect(Math.abs(auc('x, control: random') - 0.5)).toBeLessThan(0.03)
    expect(table.map(({ name }) => name)).toContain('x, control: plain z-score')
  })
})

describe('the controls', () => {
  const one = machine(5)
  const cut = (rows: number): LabelledHistory => ({
    ...one,
    at: one.at.slice(0, rows),
    values: one.values.slice(0, rows * one.metrics.length),
  })

  test.each([
    ['range exceedance', rangeExceedance],
    ['plain z-score', plainZ],
    ['deviation from usual', usualDeviation],
  ])('%s is causal', (_, score) => {
    for (const rows of [1, 2, 50, 999]) expect(score(cut(rows))).toEqual(score(one).slice(0, rows))
  })

  test('a value beyond all before it exceeds the range by its distance', () => {
    const history = { node: 'n', metrics: ['x'], at: new Float64Array(4), values: Float64Array.of(1, 3, 7, 0) }
    expect([...rangeExceedance(history)]).toEqual([0, 0, 2, 1 / 6])
  })
})

test('calibration finds the line that logits were made with', () => {
  const random = seededRandom(7)
  const logits = Float64Array.from({ length: 40_000 }, () => 3 * normal(random))
  const positive = Uint8Array.from(logits, (z) => (random() < 1 / (1 + Math.exp(-(0.5 * z - 2))) ? 1 : 0))
  const { a, b } = fitPlatt(logits, positive)
  expect(Math.abs(a - 0.5)).toBeLessThan(0.03)
  expect(Math.abs(b + 2)).toBeLessThan(0.06)
})

test('calibration of what is separable stays finite', () => {
  const { a, b } = fitPlatt([-50, -40, 40, 60], [0, 0, 1, 1])
  expect(Number.isFinite(a) && Number.isFinite(b) && a > 0).toBe(true)
})
