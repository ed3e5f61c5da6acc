import fc from 'fast-check'
import { expect, test } from 'vitest'
import { normalCdf, normalQuantile } from './normalDistribution.ts'

// scipy.stats.norm.cdf
test.each([
  [-37, 5.7255712225239266e-300],
  [-20, 2.7536241186061556e-89],
  [-8, 6.22096057427174e-16],
  [-7.08, 7.207723086467469e-13],
  [-3, 0.0013498980316300933],
  [-1, 0.15865525393145707],
  [0, 0.5],
  [0.3, 0.6179114221889527],
  [1.959963984540054, 0.975],
  [6, 0.9999999990134123],
  [38, 1],
])('Φ(%f) = %f, as scipy has it', (x, p) => {
  expect(normalCdf(x) / p).toBeCloseTo(1, 7)
  expect(Math.abs(normalCdf(x) - p)).toBeLessThan(3e-16)
})

// scipy.stats.norm.ppf
test.each([
  [1e-300, -37.0470962993612],
  [1e-10, -6.361340902404056],
  [0.01, -2.3263478740408408],
  [0.3, -0.5244005127080409],
  [0.975, 1.959963984540054],
])('Φ⁻¹(%f) = %f, as scipy has it', (p, x) => {
  expect(normalQuantile(p) / x).toBeCloseTo(1, 13)
})

test('the quantile is the inverse, and ±∞ at the ends', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-300, max: 1 - 1e-9, noNaN: true }), (p) => {
      expect(normalCdf(normalQuantile(p)) / p).toBeCloseTo(1, 7)
    }),
  )
  expect([0, 1, 1.1].map(normalQuantile)).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN])
})
