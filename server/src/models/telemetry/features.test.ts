import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../math/random.ts'
import { createFeatureStream, featureNames, featurePlan, featuresOf, WINDOW_SAMPLES_MAX } from './features.ts'
import type { History } from './history.ts'

interface Golden {
  readonly metrics: readonly string[]
  readonly at: readonly number[]
  readonly values: readonly (readonly (number | null)[])[]
  readonly features: Readonly<Record<string, readonly (number | null)[]>>
}
const golden: Golden = JSON.parse(readFileSync(new URL('../../../test/golden/telemetry.json', import.meta.url), 'utf8'))
const goldenHistory: History = {
  node: 'golden',
  metrics: golden.metrics,
  at: Float64Array.from(golden.at),
  values: Float64Array.from(golden.values.flat(), (x) => x ?? NaN),
}

/** Any history: uneven steps, gaps, missing values, zeros, ties and spikes. */
const someHistory = fc
  .record({ seed: fc.integer(), rows: fc.integer({ min: 1, max: 90 }) })
  .map(({ seed, rows }): History => {
    const random = seededRandom(seed)
    const one = () => {
      const kind = random()
      if (kind < 0.1) return NaN
      if (kind < 0.2) return 0
      if (kind < 0.22) return 1e9
      return Math.round(random() * 50) / 2
    }
    let at = 0
    return {
      node: 'any',
      metrics: featurePlan.metrics,
      at: Float64Array.from(
        { length: rows },
        () => (at += random() < 0.05 ? 700_000 : 1 + Math.floor(random() * 40_000)),
      ),
      values: Float64Array.from({ length: rows * featurePlan.metrics.length }, one),
    }
  })

describe('the features', () => {
  const names = featureNames(featurePlan)

  test('of 300 s are those of pandas, sample by sample', () => {
    const made = featuresOf(goldenHistory, featurePlan)
    for (const [name, expected] of Object.entries(golden.features)) {
      const f = names.indexOf(name)
      for (const [row, value] of expected.entries()) {
        const ours = made[row * names.length + f]
        if (value === null) expect(ours, `${name} ${row}`).toBeNaN()
        else expect(Math.abs(ours - value), `${name} ${row}`).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(value)))
      }
    }
    expect(Object.keys(golden.features).length).toBe(5 * 7 + 2)
  })

  test('of a history cut off at any time are those of the whole one up to there', () => {
    fc.assert(
      fc.property(someHistory, fc.double({ min: 0, max: 1, noNaN: true }), (history, share) => {
        const rows = Math.floor(share * history.at.length)
        const width = history.metrics.length
        const cut = { ...history, at: history.at.slice(0, rows), values: history.values.slice(0, rows * width) }
        expect(featuresOf(cut, featurePlan)).toEqual(featuresOf(history, featurePlan).slice(0, rows * names.length))
      }),
    )
  })

  test('of a window do not depend on what was before it, but for what is usual', () => {
    fc.assert(
      fc.property(someHistory, (history) => {
        const all = featuresOf(history, featurePlan)
        const rows = history.at.length
        const width = history.metrics.length
        // A value that fills a gap may be older than the window of the sample itself, by one window at most.
        const from = history.at.findIndex((at) => at > history.at[rows - 1] - 2 * featurePlan.windowSeconds * 1000)
        const late = { ...history, at: history.at.slice(from), values: history.values.slice(from * width) }
        const alone = featuresOf(late, featurePlan).slice(-names.length)
        for (const [f, name] of names.entries()) {
          if (/_(usual|deviation|spread)$/.test(name)) continue
          const expected = alone[f]
          const ours = all[(rows - 1) * names.length + f]
          if (Number.isNaN(expected)) expect(ours, name).toBeNaN()
          else expect(Math.abs(ours - expected), name).toBeLessThanOrEqual(1e-7 * Math.max(1, Math.abs(expected)))
        }
      }),
    )
  })

  test('are the same whether a metric was not sent or was sent as missing', () => {
    const { metrics, values } = goldenHistory
    const without = metrics.filter((metric) => metric !== 'latency')
    const sent = { ...goldenHistory, values: values.map((x, i) => (metrics[i % 5] === 'latency' ? NaN : x)) }
    const notSent = {
      ...goldenHistory,
      metrics: without,
      values: values.filter((_, i) => metrics[i % 5] !== 'latency'),
    }
    expect(featuresOf(notSent, featurePlan)).toEqual(featuresOf(sent, featurePlan))
  })

  test('hold no infinity, whatever comes', () => {
    const stream = createFeatureStream(featurePlan)
    for (const [i, x] of [0, Infinity, -Infinity, NaN, 1e300, -1e300, 1e38, -1e38, 1e20, 0, 0].entries()) {
      const made = stream.push(i * 1000, [x, x, x, x, x])
      expect(made.some((each) => each === Infinity || each === -Infinity)).toBe(false)
    }
  })
})

test('a stream keeps a bounded number of samples, at any rate and for any time', () => {
  const stream = createFeatureStream(featurePlan)
  for (let i = 0; i < 5000; i++) stream.push(i * 10, [1, 2, 3, 4, i])
  expect(stream.samples).toBe(WINDOW_SAMPLES_MAX)
  stream.push(1e9, [1, 2, 3, 4, 5])
  expect(stream.samples).toBe(1)
})

test('the usual level of a node is learnt, and an unusual one shows in its deviation', () => {
  const names = featureNames({ ...featurePlan, metrics: ['latency'] })
  const stream = createFeatureStream({ ...featurePlan, metrics: ['latency'] })
  const random = seededRandom(3)
  const deviation = (at: number, x: number) => stream.push(at * 10_000, [x])[names.indexOf('latency_deviation')]
  const quiet = Array.from({ length: 2000 }, (_, i) => Math.abs(deviation(i, 20 + random())))
  expect(quiet.slice(100).reduce((a, b) => a + b, 0) / 1900).toBeLessThan(2)
  expect(deviation(2000, 40)).toBeGreaterThan(10)
  // Half an hour later it still is: one outlier moves the mean only a little.
  for (let i = 2001; i < 2180; i++) deviation(i, 40)
  expect(deviation(2180, 40)).toBeGreaterThan(3)
})
