import fc from 'fast-check'
import { expect, test } from 'vitest'
import { idAt } from '../../../test/contracts/storeRows.ts'
import { addSketch, hourOf, idPrefix, latencyBucket, timeOfId, writeSketch } from './rollUp.ts'

const latency = fc.double({ min: 1e-3, max: 1e7, noNaN: true })

test('a latency lies in its bucket: γ^(i−1) < ms ≤ γ^i', () => {
  fc.assert(
    fc.property(latency, (ms) => {
      const bucket = latencyBucket(ms)
      expect(ms).toBeLessThanOrEqual(1.05 ** bucket * (1 + 1e-12))
      expect(ms).toBeGreaterThan(1.05 ** (bucket - 1) * (1 - 1e-12))
    }),
  )
})

test('a longer latency is in no lower bucket, and none at all is in the lowest', () => {
  fc.assert(
    fc.property(latency, latency, (a, b) => {
      expect(Math.sign(latencyBucket(a) - latencyBucket(b)) * Math.sign(a - b)).not.toBe(-1)
    }),
  )
  expect(latencyBucket(0)).toBe(latencyBucket(1e-3))
})

test('an id carries its time, and sorts by it', () => {
  const time = fc.integer({ min: 0, max: 2 ** 48 - 1 })
  fc.assert(
    fc.property(time, time, (a, b) => {
      expect(timeOfId(idAt(a))).toBe(a)
      expect(idAt(a) >= idPrefix(a)).toBe(true)
      if (a < b) expect(idAt(a) < idPrefix(b)).toBe(true)
      expect(hourOf(a) <= a && a < hourOf(a) + 3_600_000 && hourOf(a) % 3_600_000 === 0).toBe(true)
    }),
  )
})

test('a sketch that was written down adds what it had', () => {
  const counts = fc.array(fc.tuple(fc.integer({ min: -141, max: 330 }), fc.integer({ min: 1, max: 1e6 })), {
    maxLength: 40,
  })
  fc.assert(
    fc.property(counts, (entries) => {
      const sketch = new Map(entries)
      const back = addSketch(addSketch(new Map(), writeSketch(sketch)), writeSketch(sketch))
      expect(new Map([...back].map(([bucket, rows]) => [bucket, rows / 2]))).toEqual(sketch)
    }),
  )
})
