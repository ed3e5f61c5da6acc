import fc from 'fast-check'
import { expect, test } from 'vitest'
import { curveStride } from './trainingRun.ts'

const kept = (points: number, stride: number) => Math.ceil(points / stride)

test('a thinned curve never has more points than it may, nor fewer than half as many', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000_000 }), fc.integer({ min: 2, max: 5000 }), (points, max) => {
      const stride = curveStride(points, max)
      expect(kept(points, stride)).toBeLessThanOrEqual(max)
      if (points > max) expect(kept(points, stride)).toBeGreaterThanOrEqual(Math.floor(max / 2))
      else expect(stride).toBe(1)
    }),
  )
})

test('what a longer curve keeps, the shorter one had kept', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.integer({ min: 0, max: 1_000_000 }), (points, more) => {
      expect(curveStride(points + more, 64) % curveStride(points, 64)).toBe(0)
    }),
  )
})
