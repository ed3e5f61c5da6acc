import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chooseBuckets } from './chooseBuckets.ts'

const cost = (lengths: readonly number[], buckets: readonly number[]): number =>
  lengths.reduce((sum, length) => sum + (buckets.find((one) => length <= one) ?? buckets[buckets.length - 1]), 0)

/** All ways to choose at most `count` multiples of `step` that end with the last. */
function* choices(last: number, count: number, step: number): Generator<number[]> {
  for (let bits = 0; bits < 2 ** (last - 1); bits++) {
    const chosen = Array.from({ length: last - 1 }, (_, i) => i + 1).filter((k) => (bits >> (k - 1)) & 1)
    if (chosen.length < count) yield [...chosen, last].map((k) => k * step)
  }
}

test('no other choice pads less', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 4 }), (some, count) => {
      const step = 4
      const found = chooseBuckets(some, { rows: 2, lengthMax: 1000, count, step }).map(({ length }) => length)
      expect(found.length).toBeLessThanOrEqual(count)
      expect(found).toEqual(found.toSorted((a, b) => a - b))
      const last = Math.ceil(Math.max(...some) / step)
      const best = Math.min(...choices(last, count, step).map((choice) => cost(some, choice)))
      expect(cost(some, found)).toBe(best)
    }),
  )
})

test('the longest bucket is no longer than what the model takes', () => {
  const buckets = chooseBuckets([10, 500], { rows: 2, lengthMax: 100, count: 3, step: 16 })
  expect(buckets[buckets.length - 1]).toEqual({ rows: 2, length: 100 })
})
