import fc from 'fast-check'
import { expect, test } from 'vitest'
import { idAt } from '../../../test/contracts/storeRows.ts'
import { addSketch, hourOf, idPrefix, timeOfId, writeSketch } from './rollUp.ts'

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
