import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../../math/random.ts'
import { batchesOf, paddedShare } from './buckets.ts'

const lengthLists = fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 80 })
const bucketLists = fc
  .uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 })
  .chain((lengths) =>
    fc.tuple(
      fc.constant(lengths.sort((a, b) => a - b)),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: lengths.length, maxLength: lengths.length }),
    ),
  )
  .map(([lengths, rows]) => lengths.map((length, i) => ({ length, rows: rows[i] })))

test('every example is in one batch, which holds it; at most one batch is not full', () => {
  fc.assert(
    fc.property(lengthLists, bucketLists, fc.integer(), (lengths, buckets, seed) => {
      const batches = batchesOf(lengths, buckets, seededRandom(seed))
      const seen = batches.flatMap(({ rows }) => [...rows]).sort((a, b) => a - b)
      expect(seen).toEqual(lengths.map((_, i) => i))
      const longest = buckets[buckets.length - 1].length
      for (const { bucket, rows } of batches) {
        expect(rows.length).toBeLessThanOrEqual(buckets[bucket].rows)
        for (const i of rows) expect(Math.min(lengths[i], longest)).toBeLessThanOrEqual(buckets[bucket].length)
      }
      expect(batches.filter(({ bucket, rows }) => rows.length < buckets[bucket].rows).length).toBeLessThanOrEqual(1)
    }),
  )
})

test('how many batches there are does not depend on the order, and a seed gives one order', () => {
  fc.assert(
    fc.property(lengthLists, bucketLists, fc.integer(), (lengths, buckets, seed) => {
      const plain = batchesOf(lengths, buckets, null)
      const mixed = batchesOf(lengths, buckets, seededRandom(seed))
      expect(mixed.length).toBe(plain.length)
      expect(mixed).toEqual(batchesOf(lengths, buckets, seededRandom(seed)))
    }),
  )
})

test('the padded share counts positions that hold nothing, and those of missing rows', () => {
  const buckets = [
    { length: 4, rows: 2 },
    { length: 8, rows: 2 },
  ]
  const lengths = [2, 4, 8]
  const batches = batchesOf(lengths, buckets, null)
  expect(paddedShare(batches, lengths, buckets)).toBeCloseTo(1 - 14 / 24, 12)
})
