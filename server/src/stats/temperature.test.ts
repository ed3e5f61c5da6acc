import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../math/random.ts'
import { softmax } from '../math/softmax.ts'
import { crossEntropy, fitTemperature } from './temperature.ts'

/** Rows whose true logits are `z` and whose labels are drawn from them; the model says z · boast. */
function drawn(rows: number, boast: number): { logits: Float64Array; truth: Int32Array } {
  const random = seededRandom(7)
  const logits = new Float64Array(rows * 3)
  const truth = new Int32Array(rows)
  for (let i = 0; i < rows; i++) {
    const z = [0, 1, 2].map(() => 4 * random() - 2)
    const p = softmax(z)
    let left = random()
    while (truth[i] < 2 && left >= p[truth[i]]) left -= p[truth[i]++]
    z.forEach((x, k) => (logits[i * 3 + k] = x * boast))
  }
  return { logits, truth }
}

test.each([0.25, 1, 3])('logits that are %s times too large are scaled back', (boast) => {
  const { logits, truth } = drawn(20_000, boast)
  expect(fitTemperature(logits, truth, 3) / boast).toBeCloseTo(1, 1)
})

test('no other temperature is likelier, by the targets of the rule of succession and the prior', () => {
  const rows = 500
  const { logits, truth } = drawn(rows, 2)
  const best = fitTemperature(logits, truth, 3)
  const targets = new Float64Array(rows * 3).fill(1 / (rows + 3))
  truth.forEach((label, i) => (targets[i * 3 + label] = (rows + 1) / (rows + 3)))
  const loss = (t: number): number => rows * crossEntropy(logits, targets, 3, 1 / t) + Math.log(t) ** 2 / 2
  for (const other of [0.5, 0.9, 0.99, 1.01, 1.1, 2]) expect(loss(best)).toBeLessThanOrEqual(loss(best * other))
})

test('of rows that all were right a model is no surer than the rule of succession, however few they are', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 400 }), fc.double({ min: 0.2, max: 50, noNaN: true }), (rows, margin) => {
      const logits = Float64Array.from({ length: 2 * rows }, (_, i) => (i % 2 === 0 ? margin : 0))
      const temperature = fitTemperature(logits, new Int32Array(rows), 2)
      const confidence = 1 / (1 + Math.exp(-margin / temperature))
      const laplace = (rows + 1) / (rows + 2)
      // A model that was humbler than that to begin with may stay so; a temperature is at most 20.
      if (margin / 20 < Math.log(rows + 1))
        expect(confidence).toBeLessThanOrEqual(Math.max(laplace, 1 / (1 + Math.exp(-margin))) + 1e-6)
    }),
  )
  const thirty = fitTemperature(
    new Float64Array(60).map((_, i) => (i % 2 === 0 ? 8 : 0)),
    new Int32Array(30),
    2,
  )
  expect(1 / (1 + Math.exp(-8 / thirty))).toBeLessThan(0.99)
})

test('without rows there is nothing to mend', () => {
  expect(fitTemperature(new Float64Array(), [], 3)).toBe(1)
})
