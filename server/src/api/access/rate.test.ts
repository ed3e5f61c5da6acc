import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseRate, RateTable, RateWindow, rateAddress } from './rate.ts'

describe('a rate', () => {
  test.each([
    ['100/min', 100],
    ['5/s', 300],
    ['1000/h', 16],
    ['86400/day', 60],
    [' 7 per minute ', 7],
    ['none', null],
  ])('%s is %s requests a minute', (written, perMinute) => {
    expect(parseRate(written)).toBe(perMinute)
  })

  test.each(['', '100', 'fast', '0/min', '10/h', '-5/s', '1e3/min', '5/fortnight', '9999999999/s', '1.5/s'])(
    '%j is refused',
    (written) => {
      expect(() => parseRate(written)).toThrow(RangeError)
    },
  )
})

describe('a rate window', () => {
  const arrivals = fc.array(fc.integer({ min: 0, max: 8000 }), { minLength: 1, maxLength: 400 })

  test('never lets more than its limit through in any 60 seconds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(1e9), arrivals, (limit, start, gaps) => {
        const window = new RateWindow(limit)
        const taken: number[] = []
        let at = start
        for (const gap of gaps) {
          at += gap
          if (window.take(at)) taken.push(at)
        }
        for (let i = 0; i + limit < taken.length; i++)
          expect(taken[i + limit] - taken[i]).toBeGreaterThanOrEqual(60_000)
      }),
    )
  })

  test('lets its whole limit through at once, and again after 65 quiet seconds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.nat(1e12), (limit, start) => {
        const window = new RateWindow(limit)
        for (const at of [start, start + 65_000]) {
          for (let i = 0; i < limit; i++) expect(window.take(at)).toBe(true)
          expect(window.take(at)).toBe(false)
        }
      }),
    )
  })

  test('says truly when it lets the next one through', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), arrivals, (limit, gaps) => {
        const window = new RateWindow(limit)
        let at = 0
        for (const gap of gaps) {
          at += gap
          if (window.take(at)) continue
          const seconds = window.secondsToReset(at)
          expect(seconds).toBeLessThanOrEqual(65)
          at += seconds * 1000
          expect(window.take(at)).toBe(true)
        }
      }),
    )
  })

  test('a clock that is set back lets no more requests through', () => {
    const window = new RateWindow(2)
    expect([window.take(100_000), window.take(10_000), window.take(9000)]).toEqual([true, true, false])
  })
})

test('a table keeps recent callers and evicts idle ones, within its size', () => {
  const table = new RateTable(1, 100)
  const steady = table.window('steady')
  for (let i = 0; i < 10_000; i++) {
    table.window(`passer-by ${i}`)
    expect(table.window('steady')).toBe(steady)
  }
  expect(table.size).toBeLessThanOrEqual(100)
})

describe('one address', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('%s counts as %s', (ip, counted) => {
    expect(rateAddress(ip)).toBe(counted)
  })
})
