import { expect, test } from 'vitest'
import { seededRandom } from '../math/random.ts'
import { softmax } from '../math/softmax.ts'
import { fitTemperature, logLoss } from './temperature.ts'

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

test('no other temperature has a smaller loss', () => {
  const { logits, truth } = drawn(500, 2)
  const best = fitTemperature(logits, truth, 3)
  const loss = (t: number): number => logLoss(logits, truth, 3, 1 / t)
  for (const other of [0.5, 0.9, 0.99, 1.01, 1.1, 2]) expect(loss(best)).toBeLessThanOrEqual(loss(best * other))
})

test('without rows there is nothing to mend', () => {
  expect(fitTemperature(new Float64Array(), [], 3)).toBe(1)
})
