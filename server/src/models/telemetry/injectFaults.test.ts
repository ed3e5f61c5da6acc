import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { generatedMetrics, generateHistory } from './generateHistory.ts'
import { ANOMALY, baseMetrics, NORMAL, UNKNOWN } from './history.ts'
import { faultKinds, injectFaults } from './injectFaults.ts'

const week = (seed: number, rows = 5760) =>
  generateHistory({
    node: `n${seed}`,
    seed,
    startAt: 1_700_000_000_000,
    rows,
    intervalSeconds: 30,
    metrics: baseMetrics,
  })

describe('a generated machine', () => {
  test('is the same for the same seed, and another one for another', () => {
    expect(week(1)).toEqual(week(1))
    expect(week(2).values).not.toEqual(week(1).values)
  })

  test('reports finite numbers that its metrics can have, at ascending times', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const { at, values } = generateHistory({
          node: 'any',
          seed,
          startAt: 0,
          rows: 500,
          intervalSeconds: 10,
          metrics: generatedMetrics,
        })
        expect(at.every((time, i) => i === 0 || time > at[i - 1])).toBe(true)
        const known = values.filter((x) => !Number.isNaN(x))
        expect(known.length).toBeGreaterThan(0.9 * values.length)
        expect(known.every((x) => x >= 0 && x < 1e12)).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  test('moves as one: bytes follow packets, hour by hour', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const { values } = week(seed)
      const logs = (column: number) =>
        Array.from({ length: values.length / 5 }, (_, row) => Math.asinh(values[row * 5 + column])).filter(
          Number.isFinite,
        )
      if (logs(0).length !== logs(2).length) continue
      expect(correlation(logs(0), logs(2))).toBeGreaterThan(0.8)
    }
  })

  test('has a day: a day later it resembles itself more than half a day later', () => {
    const seeds = [1, 2, 3, 4, 5, 6, 7, 8]
    const at = (lag: number) =>
      seeds.map((seed) => {
        const { values } = week(seed, 2880 * 6)
        const logs = Array.from({ length: values.length / 5 }, (_, row) => Math.asinh(values[row * 5 + 2] || 0))
        return correlation(logs.slice(lag), logs.slice(0, -lag))
      })
    const mean = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length
    expect(mean(at(2880))).toBeGreaterThan(mean(at(1440)) + 0.2)
  })
})

describe('injected faults', () => {
  const asked = { seed: 5, perDay: 6, afterSeconds: 300 }

  test('change nothing but the rows that they own, and leave the history as it was', () => {
    const history = week(3)
    const before = history.values.slice()
    const { history: changed } = injectFaults(history, asked)
    expect(history.values).toEqual(before)
    for (let row = 0; row < history.at.length; row++) {
      if (changed.label[row] !== NORMAL) continue
      expect(changed.values.subarray(row * 5, row * 5 + 5)).toEqual(history.values.subarray(row * 5, row * 5 + 5))
    }
  })

  test('are where the list says: every anomalous row lies in one fault of its kind, which it shows', () => {
    const history = week(3)
    const { history: changed, faults } = injectFaults(history, asked)
    expect(faults.length).toBeGreaterThan(4)
    const inside = new Uint8Array(history.at.length)
    for (const { kind, metrics, from, to } of faults) {
      inside.fill(ANOMALY, from, to)
      const shown = metrics.some((metric) => {
        const at = from * 5 + history.metrics.indexOf(metric)
        return !Object.is(changed.values[at], history.values[at])
      })
      expect(shown, kind).toBe(true)
      for (let row = from; row < to; row++) expect(changed.kinds[changed.kind[row] - 1]).toBe(kind)
    }
    expect(Uint8Array.from(changed.label, (label) => (label === ANOMALY ? 1 : 0))).toEqual(inside)
    expect(faults.every(({ from }, i) => i === 0 || from >= faults[i - 1].to)).toBe(true)
  })

  test('of every kind come, in equal parts, at the rate that was asked for', () => {
    const counts = new Map<string, number>()
    let days = 0
    for (let seed = 0; seed < 30; seed++) {
      const history = week(seed)
      days += history.at.length / 2880
      for (const { kind } of injectFaults(history, { ...asked, seed }).faults)
        counts.set(kind, (counts.get(kind) ?? 0) + 1)
    }
    const total = [...counts.values()].reduce((a, b) => a + b, 0)
    expect(total / days).toBeGreaterThan(4.5)
    expect(total / days).toBeLessThan(7)
    for (const kind of faultKinds) expect(Math.abs((counts.get(kind) ?? 0) / total - 1 / 6)).toBeLessThan(0.06)
  })

  test('are followed by rows without a label, as long as the window still holds them', () => {
    const { history, faults } = injectFaults(week(4), asked)
    for (const { to } of faults) expect([...history.label.subarray(to, to + 10)]).toEqual(Array(10).fill(UNKNOWN))
  })

  test('never make a rate negative', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), (seed, other) => {
        const { history } = injectFaults(week(seed, 1500), { ...asked, seed: other, perDay: 20 })
        expect(history.values.some((x) => x < 0)).toBe(false)
      }),
      { numRuns: 30 },
    )
  })
})

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (x: readonly number[]) => x.reduce((sum, each) => sum + each, 0) / x.length
  const [ma, mb] = [mean(a), mean(b)]
  let ab = 0
  let aa = 0
  let bb = 0
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - ma) * (b[i] - mb)
    aa += (a[i] - ma) ** 2
    bb += (b[i] - mb) ** 2
  }
  return ab / Math.sqrt(aa * bb)
}
