import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Latencies } from './latencies.ts'

test('every quantile is within half a per cent of the exact one', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.002, max: 60_000, noNaN: true }), { minLength: 1 }), (values) => {
      const latencies = new Latencies()
      for (const value of values) latencies.add(value)
      const sorted = [...values].sort((a, b) => a - b)
      const exact = (q: number) => sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1]
      const { p50, p95, p99, max } = latencies.summary()
      for (const [seen, q] of [
        [p50, 0.5],
        [p95, 0.95],
        [p99, 0.99],
      ] as const)
        expect(Math.abs((seen ?? NaN) / exact(q) - 1)).toBeLessThan(0.00501)
      expect(max).toBe(sorted.at(-1))
    }),
  )
})

test('nothing measured is nothing said', () => {
  expect(new Latencies().summary()).toEqual({
    mean: null,
    p50: null,
    p90: null,
    p95: null,
    p99: null,
    p999: null,
    max: null,
  })
})

test('a clock that went backwards or a machine that slept does not break the count', () => {
  const latencies = new Latencies()
  for (const ms of [-5, 0, 1e12]) latencies.add(ms)
  expect(latencies.summary().p50).toBeLessThanOrEqual(0.0011)
})
