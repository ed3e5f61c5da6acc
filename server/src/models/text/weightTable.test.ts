import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { addWeights, createSought, findWeights, quantise, squared, weightTable } from './weightTable.ts'

test('every feature is found with its weights, and nothing else is', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(
        fc.integer().filter((h) => h !== 0),
        { maxLength: 200 },
      ),
      fc.integer({ min: 1, max: 9 }),
      fc.array(
        fc.integer().filter((h) => h !== 0),
        { maxLength: 50 },
      ),
      (hashes, columns, others) => {
        const weights = Int8Array.from({ length: hashes.length * columns }, (_, i) => ((i * 37) % 255) - 127)
        const table = weightTable(Int32Array.from(hashes), weights, columns)
        hashes.forEach((hash, f) => {
          const at = findWeights(table, hash)
          for (let k = 0; k < columns; k++) expect(table.bytes[at + k]).toBe(weights[k * hashes.length + f])
        })
        for (const hash of others) if (!hashes.includes(hash)) expect(findWeights(table, hash)).toBe(-1)
        const all = Int32Array.from([...others, ...hashes, ...others])
        const sums = new Float64Array(columns).fill(7)
        const sought = createSought(3)
        const missing = addWeights(table, all, all.length, sums, sought)
        const places = Array.from(all, (hash) => findWeights(table, hash))
        expect([...sought.absent.subarray(0, missing)]).toEqual(places.flatMap((at, f) => (at < 0 ? [f] : [])))
        const found = places.filter((at) => at >= 0)
        const total = (k: number) => found.reduce((sum, at) => sum + squared(table.bytes[at + k]), 7)
        expect([...sums]).toEqual(Array.from({ length: columns }, (_, k) => total(k)))
      },
    ),
  )
})

test('a quantised weight is the nearest that there is', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: 1 }), (column) => {
      const { unit, q } = quantise(Float64Array.from(column))
      column.forEach((w, f) => {
        const error = Math.abs(w - unit * squared(q[f]))
        for (const other of [q[f] - 1, q[f] + 1]) {
          if (Math.abs(other) <= 127)
            expect(error).toBeLessThanOrEqual(Math.abs(w - unit * squared(other)) * (1 + 1e-9) + 1e-12)
        }
      })
    }),
  )
})

test('nothing but zeros stays zero', () => {
  expect(quantise(new Float64Array(3))).toEqual({ unit: 0, q: new Int8Array(3) })
})
