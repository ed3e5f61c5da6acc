import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  mergeSketches,
  type QuantileSketch,
  quantileSketch,
  SKETCH_SIZE,
  sketchQuantile,
  sketchRank,
} from './quantileSketch.ts'
import { seededRandom } from './random.ts'

const shapes: Readonly<Record<string, (u: number, v: number) => number>> = {
  uniform: (u) => u,
  normal: (u, v) => Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v),
  'long tail': (u) => (1 - u) ** -1.5,
  'few values': (u) => Math.floor(u * 7),
  'nearly all one value': (u) => (u < 0.97 ? 12 : Math.round(u * 1000)),
  'near 1, as confidences are': (u) => 1 - u ** 6 / 2,
  constant: () => 3,
}

/** The largest distance between q and the ranks that the value found for q really has. */
function rankError(sketch: QuantileSketch, values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort()
  let worst = 0
  for (let q = 0; q <= 1; q += 0.005) {
    const value = sketchQuantile(sketch, q)
    const below = sorted.findIndex((each) => each >= value)
    const notAbove = sorted.findLastIndex((each) => each <= value)
    const low = (below === -1 ? sorted.length : below) / sorted.length
    const high = (notAbove + 1) / sorted.length
    worst = Math.max(worst, low - q, q - high)
  }
  return worst
}

describe.each(Object.entries(shapes))('%s', (_, shape) => {
  const random = seededRandom(9)
  const values = Array.from({ length: 20_000 }, () => shape(random(), random()))

  test('any quantile of 20,000 rows is right to 1 % of the ranks, with at most 200 centroids', () => {
    const sketch = quantileSketch(values)
    expect(sketch.means.length).toBeLessThanOrEqual(SKETCH_SIZE)
    expect(rankError(sketch, values)).toBeLessThan(0.01)
  })

  test('the sketch of the parts is as good as the sketch of the whole, to 1.5 %', () => {
    const parts = Array.from({ length: 20 }, (_, i) => quantileSketch(values.slice(i * 1000, (i + 1) * 1000)))
    const merged = mergeSketches(parts)
    expect(merged.rows).toBe(20_000)
    expect(rankError(merged, values)).toBeLessThan(0.015)
  })
})

const someValues = fc.array(
  fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 })),
  {
    minLength: 1,
    maxLength: 300,
  },
)

test('quantiles rise with q, from the minimum to the maximum; ranks rise with the value, from 0 to 1', () => {
  fc.assert(
    fc.property(someValues, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2 }), (values, qs) => {
      const sketch = quantileSketch(values, 20)
      expect(sketchQuantile(sketch, 0)).toBe(Math.min(...values))
      expect(sketchQuantile(sketch, 1)).toBe(Math.max(...values))
      const found = qs.sort((a, b) => a - b).map((q) => sketchQuantile(sketch, q))
      for (let i = 1; i < found.length; i++) expect(found[i]).toBeGreaterThanOrEqual(found[i - 1] - 1e-6)
      const ranks = Float64Array.from(values)
        .sort()
        .map((value) => sketchRank(sketch, value))
      for (let i = 1; i < ranks.length; i++) expect(ranks[i]).toBeGreaterThanOrEqual(ranks[i - 1] - 1e-9)
      expect(sketchRank(sketch, Math.min(...values) - 1)).toBe(0)
      expect(sketchRank(sketch, Math.max(...values) + 1)).toBe(1)
    }),
  )
})

test('no row is lost, and up to δ / 4 different values are kept as they are', () => {
  fc.assert(
    fc.property(someValues, (values) => {
      const sketch = quantileSketch(values)
      expect(sketch.weights.reduce((a, b) => a + b, 0)).toBe(values.length)
      const different = [...new Set(values.map((value) => value + 0))].sort((a, b) => a - b)
      if (different.length <= SKETCH_SIZE / 4) expect(sketch.means.map((mean) => mean + 0)).toEqual(different)
    }),
  )
})

test('of no rows there is no quantile', () => {
  expect(sketchQuantile(quantileSketch([]), 0.5)).toBeNaN()
  expect(sketchRank(mergeSketches([]), 0)).toBeNaN()
  expect(mergeSketches([quantileSketch([]), quantileSketch([1, 2])]).min).toBe(1)
})
