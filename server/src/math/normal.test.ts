import { expect, test } from 'vitest'
import { normal, poisson } from './normal.ts'
import { seededRandom } from './random.ts'

const DRAWS = 200_000

/** Mean, variance and skewness of many draws. */
function moments(draw: () => number) {
  const values = Float64Array.from({ length: DRAWS }, draw)
  const mean = values.reduce((a, b) => a + b, 0) / DRAWS
  const central = (power: number) => values.reduce((sum, x) => sum + (x - mean) ** power, 0) / DRAWS
  return { mean, variance: central(2), skewness: central(3) / central(2) ** 1.5 }
}

test('normal numbers have mean 0, variance 1, no skew, and 5 % of them lie beyond 1.96', () => {
  const random = seededRandom(1)
  const { mean, variance, skewness } = moments(() => normal(random))
  expect(Math.abs(mean)).toBeLessThan(0.01)
  expect(Math.abs(variance - 1)).toBeLessThan(0.02)
  expect(Math.abs(skewness)).toBeLessThan(0.03)
  let beyond = 0
  for (let i = 0; i < DRAWS; i++) if (Math.abs(normal(random)) > 1.959964) beyond++
  expect(Math.abs(beyond / DRAWS - 0.05)).toBeLessThan(0.003)
})

test.each([0.01, 0.7, 5, 29.9, 30, 200])('Poisson numbers of mean %d have it as their variance, too', (lambda) => {
  const random = seededRandom(2)
  const { mean, variance } = moments(() => poisson(lambda, random))
  const error = Math.sqrt(lambda / DRAWS)
  expect(Math.abs(mean - lambda)).toBeLessThan(5 * error)
  // A rounded normal number has a twelfth more; the rest is chance.
  expect(Math.abs(variance - lambda)).toBeLessThan(0.03 * lambda + 0.1)
})

test('nothing is expected of nothing', () => {
  expect(poisson(0, seededRandom(1))).toBe(0)
})
