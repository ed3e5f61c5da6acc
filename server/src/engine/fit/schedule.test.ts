import fc from 'fast-check'
import { expect, test } from 'vitest'
import { scheduled } from './schedule.ts'

const schedules = fc.record({
  kind: fc.constantFrom('constant' as const, 'linear' as const, 'cosine' as const),
  warmUpShare: fc.double({ min: 0, max: 1, noNaN: true }),
  floor: fc.double({ min: 0, max: 1, noNaN: true }),
})

test('the rate rises to its peak, falls to its floor, and is never zero or above the peak', () => {
  fc.assert(
    fc.property(schedules, fc.integer({ min: 1, max: 300 }), (schedule, steps) => {
      const rates = Array.from({ length: steps }, (_, i) => scheduled(schedule, i + 1, steps))
      const warmUp = Math.round(steps * schedule.warmUpShare)
      for (const [i, rate] of rates.entries()) {
        expect(rate).toBeGreaterThan(0)
        expect(rate).toBeLessThanOrEqual(1)
        if (i === 0) continue
        if (i < warmUp) expect(rate).toBeGreaterThan(rates[i - 1])
        else expect(rate).toBeLessThanOrEqual(rates[i - 1])
        if (i >= warmUp) expect(rate).toBeGreaterThanOrEqual(schedule.floor)
      }
    }),
  )
})

test('half way down a line and half a cosine meet', () => {
  const at = (kind: 'linear' | 'cosine') => scheduled({ kind, warmUpShare: 0, floor: 0.2 }, 50, 99)
  expect(at('linear')).toBeCloseTo(0.6, 12)
  expect(at('cosine')).toBeCloseTo(0.6, 12)
})
