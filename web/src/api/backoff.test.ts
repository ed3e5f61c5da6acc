import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoffMs } from './backoff.ts'

test('the wait grows, is never nothing and never passes 20 s', () => {
  const chance = fc.double({ min: 0, max: 0.999, noNaN: true })
  fc.assert(
    fc.property(fc.nat(200), chance, (attempt, luck) => {
      const wait = backoffMs(attempt, luck)
      expect(wait).toBeGreaterThanOrEqual(250)
      expect(wait).toBeLessThanOrEqual(20_000)
      expect(backoffMs(attempt + 1, luck)).toBeGreaterThanOrEqual(wait)
    }),
  )
})
