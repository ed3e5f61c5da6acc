import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ago, bytes, clock, counted, milliseconds, percent, signed, sureness } from './format.ts'

describe('percent', () => {
  test('never calls a share that is not whole 0 or 100 %', () => {
    fc.assert(
      fc.property(fc.double({ min: Number.MIN_VALUE, max: 1 - Number.EPSILON, noNaN: true }), (share) => {
        expect(percent(share)).not.toMatch(/^(0\.0|100\.0)/)
      }),
    )
  })
  test('says the plain cases plainly', () => {
    expect([percent(0), percent(1), percent(0.8125), percent(0.99999), percent(0.00001)]).toEqual([
      '0.0\u202f%',
      '100.0\u202f%',
      '81.3\u202f%',
      '>\u202f99.9\u202f%',
      '<\u202f0.1\u202f%',
    ])
  })
})

test('a signed number carries its sign, and zero has none', () => {
  expect([signed(1.239), signed(-0.31), signed(0), signed(-0.001)]).toEqual(['+1.24', '\u22120.31', '0.00', '0.00'])
})

test('a duration keeps about two significant digits', () => {
  expect([0.4213, 4.21, 42.1, 4213].map(milliseconds)).toEqual([
    '0.42\u202fms',
    '4.2\u202fms',
    '42\u202fms',
    '4.2\u202fs',
  ])
})

test('sizes are decimal, nouns agree with their number', () => {
  expect([bytes(999), bytes(3_400_000)]).toEqual(['999\u202fB', '3.4\u202fMB'])
  expect([counted(1, 'row'), counted(1200, 'row')]).toEqual(['1 row', '1,200 rows'])
})

test('a time of another day says the day', () => {
  const noon = new Date(2026, 10, 20, 12, 0, 5)
  expect(clock(noon.toISOString(), noon.getTime())).toBe('12:00:05')
  expect(clock(noon.toISOString(), noon.getTime() + 86_400_000)).toBe('20 Nov 12:00:05')
})

test('ages are said in the largest unit that fits, and the future is now', () => {
  const now = Date.parse('2026-11-20T12:00:00.000Z')
  const before = (seconds: number) => ago(new Date(now - seconds * 1000).toISOString(), now)
  expect([before(-60), before(30), before(90), before(7200), before(86_400 * 3)]).toEqual([
    'just now',
    '30\u202fs ago',
    '1\u202fmin ago',
    '2\u202fh ago',
    '3 days ago',
  ])
})

test('more confidence is never said with a weaker word', () => {
  const order = ['torn', 'leaning', 'fairly sure', 'confident', 'almost certain']
  const share = fc.double({ min: 0, max: 1, noNaN: true })
  fc.assert(
    fc.property(share, share, (a, b) => {
      const [low, high] = a < b ? [a, b] : [b, a]
      expect(order.indexOf(sureness(low))).toBeLessThanOrEqual(order.indexOf(sureness(high)))
      expect(order).toContain(sureness(a))
    }),
  )
})
