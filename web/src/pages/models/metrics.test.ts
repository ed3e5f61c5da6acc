import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { axisFor, distinct, figure, inOrder, meaningOf, place } from './metrics.ts'

const estimate = fc
  .array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 })
  .map((values) => values.sort((a, b) => a - b))
  .map(([low, value, high]) => ({ low, value, high }))

test('every interval lies on its axis, in order and not squeezed', () => {
  fc.assert(
    fc.property(fc.array(estimate, { minLength: 1, maxLength: 5 }), (estimates) => {
      const axis = axisFor(estimates, 'share')
      expect(axis.from).toBeGreaterThanOrEqual(0)
      expect(axis.to).toBeLessThanOrEqual(1)
      expect(axis.to - axis.from).toBeGreaterThanOrEqual(0.05 - 1e-12)
      for (const { low, value, high } of estimates) {
        expect(low).toBeGreaterThanOrEqual(axis.from - 1e-12)
        expect(high).toBeLessThanOrEqual(axis.to + 1e-12)
        expect(place(low, axis)).toBeLessThanOrEqual(place(value, axis))
        expect(place(value, axis)).toBeLessThanOrEqual(place(high, axis))
      }
    }),
  )
})

test('an axis ends on round numbers', () => {
  expect(axisFor([{ low: 0.5812, value: 0.6, high: 0.9023 }], 'share')).toEqual({ from: 0.5, to: 1 })
  const loss = axisFor([{ low: 0.231, value: 0.24, high: 0.258 }], 'plain')
  expect([loss.from, loss.to].map((end) => end.toFixed(4))).toEqual(['0.2100', '0.2700'])
})

test('metrics come in a fixed order, unknown ones last', () => {
  const some = { low: 0, value: 0, high: 0 }
  expect(inOrder({ zeta: some, ece: some, accuracy: some }).map(([name]) => name)).toEqual(['accuracy', 'ece', 'zeta'])
})

test('a share is said in per cent, a loss as it is', () => {
  expect([figure(0.9182, 'share'), figure(0.2134, 'plain'), figure(0.9182, 'share', 2, true)]).toEqual([
    '91.8',
    '0.213',
    '91.82\u202f%',
  ])
})

test('what a detector is measured by has words, units and a direction', () => {
  expect(meaningOf('delaySeconds').better).toBe('lower')
  expect(figure(2280.016, 'seconds', 4, true)).toBe('2280\u202fs')
  const axis = axisFor([{ low: 2280, value: 2280, high: 2280 }], 'seconds')
  expect(axis.to - axis.from).toBeGreaterThanOrEqual(60)
})

test('a name does not repeat what the first one says', () => {
  expect(distinct(['unseen machines', 'unseen machines: drift', 'unseen machines, control: random'])).toEqual([
    'unseen machines',
    'drift',
    'control: random',
  ])
  expect(distinct(['test', 'tests, more', 'other'])).toEqual(['test', 'tests, more', 'other'])
  expect(distinct([])).toEqual([])
})
