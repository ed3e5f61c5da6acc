import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../math/random.ts'
import { drawExamples, findExamples, priorShift } from './examples.ts'
import { generateHistory } from './generateHistory.ts'
import { ANOMALY, baseMetrics, type LabelledHistory, NORMAL } from './history.ts'
import { faultKinds, injectFaults } from './injectFaults.ts'
import { splitHistories } from './split.ts'

const MINUTE = 60_000
const machine = (seed: number, rows = 3000): LabelledHistory =>
  injectFaults(
    generateHistory({ node: `n${seed}`, seed, startAt: 0, rows, intervalSeconds: 60, metrics: baseMetrics }),
    { seed, perDay: 8, afterSeconds: 300 },
  ).history

describe('examples', () => {
  const series = [1, 2, 3, 4].map((seed) => machine(seed))
  const found = findExamples(series, 60, 10 * MINUTE)

  test('end where a whole window lies behind them, at a row whose label is known', () => {
    for (const [list, label] of [[found.normal, NORMAL] as const, ...found.anomalous.map((l) => [l, ANOMALY] as const)])
      for (let i = 0; i < list.length; i += 2) {
        expect(series[list[i]].label[list[i + 1]]).toBe(label)
        expect(list[i + 1]).toBeGreaterThanOrEqual(59)
      }
  })

  test('do not reach over a gap', () => {
    const at = series[0].at.map((time, row) => (row < 100 ? time : time + 60 * MINUTE))
    const { normal, anomalous } = findExamples([{ ...series[0], at }], 60, 10 * MINUTE)
    const ends = [normal, ...anomalous].flatMap((list) => [...list].filter((_, i) => i % 2 === 1))
    expect(ends.some((row) => row >= 100 && row < 159)).toBe(false)
    expect(ends).toContain(159)
  })

  test('are drawn with the share that was asked for, every kind alike', () => {
    const drawn = drawExamples(found, 6000, 1 / 3, seededRandom(1))
    const positives = drawn.filter(({ positive }) => positive)
    expect(Math.abs(positives.length / 6000 - 1 / 3)).toBeLessThan(0.03)
    for (const [k] of faultKinds.entries()) {
      const share = positives.filter(({ series: s, row }) => series[s].kind[row] === k + 1).length / positives.length
      expect(Math.abs(share - 1 / found.anomalous.length)).toBeLessThan(0.04)
    }
  })

  test('prior shift undoes the drawing, by Bayes', () => {
    const chance = fc.double({ min: 0.01, max: 0.99, noNaN: true })
    fc.assert(
      fc.property(chance, chance, fc.double({ min: 0.1, max: 10, noNaN: true }), (drawn, world, likelihood) => {
        const posterior = (prior: number) => (prior * likelihood) / (prior * likelihood + 1 - prior)
        const logit = (p: number) => Math.log(p / (1 - p))
        expect(logit(posterior(drawn)) - priorShift(drawn, world)).toBeCloseTo(logit(posterior(world)), 6)
      }),
    )
  })
})

describe('the split', () => {
  test('of many machines shares neither a machine nor a time between learning and measuring', () => {
    const { learn, choose, measure, by } = splitHistories(
      Array.from({ length: 10 }, (_, i) => machine(i, 500)),
      60,
      seededRandom(1),
    )
    expect(by).toBe('machine and time')
    expect([learn.length, choose.length, measure.length]).toEqual([6, 2, 2])
    const nodes = [learn, choose, measure].map((part) => new Set(part.map(({ node }) => node)))
    expect(nodes[0].union(nodes[1]).union(nodes[2]).size).toBe(10)
    const learnt = Math.max(...learn.map(({ at }) => at[at.length - 1]))
    for (const { at } of [...choose, ...measure]) expect(at[0]).toBeGreaterThan(learnt + 30 * MINUTE)
  })

  test('of one machine keeps the times apart, by a whole window', () => {
    const { learn, choose, measure, by } = splitHistories([machine(1, 1000)], 60, seededRandom(1))
    expect(by).toBe('time')
    expect(choose[0].at[0] - learn[0].at.at(-1)!).toBeGreaterThan(60 * MINUTE)
    expect(measure[0].at[0] - choose[0].at.at(-1)!).toBeGreaterThan(60 * MINUTE)
  })
})
