import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { logSumExp, softmax } from './softmax.ts'

const logits = fc.array(fc.double({ min: -1e4, max: 1e4, noNaN: true }), { minLength: 1, maxLength: 20 })

test('probabilities are never NaN, sum to one, and keep the order of the logits', () => {
  fc.assert(
    fc.property(logits, (z) => {
      const p = softmax(z)
      expect(p.reduce((sum, x) => sum + x, 0)).toBeCloseTo(1, 12)
      for (let i = 0; i < z.length; i++)
        for (let j = 0; j < z.length; j++) if (z[i] > z[j]) expect(p[i]).toBeGreaterThanOrEqual(p[j])
    }),
  )
})

test('the softmax is exp(z − log-sum-exp)', () => {
  fc.assert(
    fc.property(logits, (z) => {
      const p = softmax(z)
      const whole = logSumExp(z)
      z.forEach((x, k) => expect(p[k]).toBeCloseTo(Math.exp(x - whole), 9))
    }),
  )
})

test('nothing has a log-sum-exp of −∞', () => {
  expect(logSumExp([])).toBe(-Infinity)
})
