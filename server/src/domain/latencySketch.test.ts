import fc from 'fast-check'
import { expect, test } from 'vitest'
import { latencyBucket, latencyQuantile, mergeSketches } from './latencySketch.ts'

const latencies = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 })

function sketchOf(values: readonly number[]): Map<number, number> {
  const sketch = new Map<number, number>()
  for (const value of values) {
    const bucket = latencyBucket(value)
    sketch.set(bucket, (sketch.get(bucket) ?? 0) + 1)
  }
  return sketch
}

test('every quantile is within 2.5 % of the exact one', () => {
  fc.assert(
    fc.property(latencies, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
      const exact = [...values].sort((a, b) => a - b)[Math.floor(q * (values.length - 1))]
      const estimate = latencyQuantile(sketchOf(values), q) ?? Number.NaN
      expect(Math.abs(estimate - exact) / exact).toBeLessThan(0.025)
    }),
  )
})

test('a latency lies in its bucket, γ^(i−1) < ms ≤ γ^i, and a longer one in no lower bucket', () => {
  const latency = fc.double({ min: 1e-3, max: 1e7, noNaN: true })
  fc.assert(
    fc.property(latency, latency, (a, b) => {
      const bucket = latencyBucket(a)
      expect(a).toBeLessThanOrEqual(1.05 ** bucket * (1 + 1e-12))
      expect(a).toBeGreaterThan(1.05 ** (bucket - 1) * (1 - 1e-12))
      expect(Math.sign(bucket - latencyBucket(b)) * Math.sign(a - b)).not.toBe(-1)
    }),
  )
})

test('merged sketches are the sketch of all values', () => {
  fc.assert(
    fc.property(latencies, latencies, (a, b) => {
      expect(mergeSketches([sketchOf(a), sketchOf(b)])).toEqual(sketchOf([...a, ...b]))
    }),
  )
})

test('an empty sketch has no quantile, and nothing measured counts as a microsecond', () => {
  expect(latencyQuantile(new Map(), 0.5)).toBeNull()
  expect(latencyBucket(0)).toBe(latencyBucket(0.001))
  expect(latencyBucket(-3)).toBe(latencyBucket(0.001))
})
