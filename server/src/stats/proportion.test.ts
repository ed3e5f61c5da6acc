import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { meanInterval, wilson } from './proportion.ts'

const golden = JSON.parse(readFileSync(new URL('../../test/golden/proportion.json', import.meta.url), 'utf8')) as {
  cases: { hits: number; trials: number; low: number; high: number }[]
} // the script's form

test.each(golden.cases)('$hits of $trials has the interval of scipy', ({ hits, trials, low, high }) => {
  const found = wilson(hits, trials)
  expect(found.low).toBeCloseTo(low, 12)
  expect(found.high).toBeCloseTo(high, 12)
})

test('every interval holds its share, has a width, and narrows as rows are added', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true }), (trials, share) => {
      const hits = Math.round(share * trials)
      const { low, high } = wilson(hits, trials)
      expect(low).toBeLessThanOrEqual(hits / trials)
      expect(high).toBeGreaterThanOrEqual(hits / trials)
      expect(high - low).toBeGreaterThan(0)
      const more = wilson(4 * hits, 4 * trials)
      expect(more.high - more.low).toBeLessThan(high - low)
    }),
  )
  expect(wilson(0, 0)).toEqual({ low: 0, high: 1 })
})

test('the mean of one share has its interval, and of several alike one that is narrower by √K', () => {
  const one = { value: 0.8, interval: wilson(80, 100) }
  expect(meanInterval([one]).low).toBeCloseTo(one.interval.low, 12)
  const four = meanInterval([one, one, one, one])
  expect(0.8 - four.low).toBeCloseTo((0.8 - one.interval.low) / 2, 12)
  expect(four.high - 0.8).toBeCloseTo((one.interval.high - 0.8) / 2, 12)
})
