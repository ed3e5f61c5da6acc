import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { addValue, deviationOf, quantileOf, slidingStatistics, takeValue } from './slidingStatistics.ts'

/** The same, by looking at all of the numbers. */
function recomputed(numbers: readonly number[]) {
  const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length
  const squares = numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0)
  const sorted = [...numbers].sort((a, b) => a - b)
  const rank = 0.75 * (sorted.length - 1)
  const below = Math.floor(rank)
  const above = Math.ceil(rank)
  return {
    mean,
    std: Math.sqrt(squares / (numbers.length - 1)),
    min: sorted[0],
    max: sorted.at(-1),
    q75: sorted[below] + (rank - below) * (sorted[above] - sorted[below]),
  }
}

const someNumber = fc.oneof(
  fc.double({ min: -100, max: 100, noNaN: true }),
  fc.constantFrom(0, 1, 1, 1e9, -1e9, 1e-9, 12.5),
)

test('numbers that came and went leave what the numbers still there would give alone', () => {
  fc.assert(
    fc.property(
      fc.array(someNumber, { minLength: 1, maxLength: 200 }),
      fc.integer({ min: 1, max: 40 }),
      (all, most) => {
        const window = slidingStatistics()
        for (const [i, x] of all.entries()) {
          if (i >= most) takeValue(window, all[i - most])
          addValue(window, x)
          const inside = all.slice(Math.max(0, i + 1 - most), i + 1)
          const expected = recomputed(inside)
          const size = Math.max(...inside.map(Math.abs))
          expect(window.count).toBe(inside.length)
          expect(Math.abs(window.mean - expected.mean)).toBeLessThanOrEqual(1e-9 * size + 1e-12)
          if (inside.length > 1)
            expect(Math.abs(deviationOf(window) - expected.std)).toBeLessThanOrEqual(1e-8 * size + 1e-12)
          expect(quantileOf(window, 0) === expected.min).toBe(true)
          expect(quantileOf(window, 1) === expected.max).toBe(true)
          expect(quantileOf(window, 0.75)).toBeCloseTo(expected.q75, 6)
        }
      },
    ),
  )
})

test('after a spike of 10⁹ has left, a flat line has no deviation, to the last digit', () => {
  const window = slidingStatistics()
  const values = [0.1, 0.3, 1e9, ...Array.from({ length: 30 }, () => 0.1)]
  for (const [i, x] of values.entries()) {
    if (i >= 10) takeValue(window, values[i - 10])
    addValue(window, x)
  }
  expect(deviationOf(window)).toBe(0)
  expect(window.mean).toBe(0.1)
})

test('of nothing there is nothing to say, and of one number no deviation', () => {
  const window = slidingStatistics()
  expect(quantileOf(window, 0.5)).toBeNaN()
  addValue(window, 3)
  expect(deviationOf(window)).toBeNaN()
  takeValue(window, 3)
  expect([window.count, window.mean, window.m2]).toEqual([0, 0, 0])
})
