import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fillTarget } from './losses.ts'

const row = fc.record({
  labels: fc.integer({ min: 2, max: 6 }),
  label: fc.nat(5),
  smoothing: fc.double({ min: 0, max: 0.9, noNaN: true }),
})

test('smoothing moves a share of the target to all labels alike, and takes nothing away', () => {
  fc.assert(
    fc.property(row, ({ labels, label, smoothing }) => {
      const targets = new Float32Array(labels)
      const own = label % labels
      expect(fillTarget(targets, 0, own, labels, { smoothing })).toBe(1)
      expect(targets.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5)
      targets.forEach((share, c) => {
        expect(share).toBeCloseTo((c === own ? 1 - smoothing : 0) + smoothing / labels, 6)
      })
    }),
  )
})

test('without smoothing, the weight of its class is the weight of the row', () => {
  const targets = new Float32Array(6)
  expect(fillTarget(targets, 1, 2, 3, { classWeights: [1, 1, 4] })).toBe(4)
  expect([...targets]).toEqual([0, 0, 0, 0, 0, 1])
})
