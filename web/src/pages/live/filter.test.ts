import { describe, expect, test } from 'vitest'
import { bands, type Filter, filterOf, judgements, noFilter, passes, queryOf, search } from './filter.ts'
import type { Row } from './row.ts'

const row = (over: Partial<Row> = {}): Row => ({
  id: 'a',
  at: '2026-11-20T12:00:00.000Z',
  task: 'sentiment',
  model: 'sentiment',
  version: 1,
  label: 'negative',
  confidence: 0.7,
  latency_ms: 0.3,
  drift: false,
  source: 'shop',
  text: 'The battery died after two days, but support was lovely',
  feedback: null,
  ...over,
})
const asked = (over: Partial<Filter>): Filter => ({ ...noFilter, ...over })

describe('a row passes', () => {
  test('when nothing is asked', () => expect(passes(row({ text: null, source: null }), noFilter)).toBe(true))
  test.each([
    [{ task: 'sentiment' }, { task: 'severity' }],
    [{ label: 'negative' }, { label: 'positive' }],
    [{ source: ' shop ' }, { source: 'sho' }],
    [{ q: 'support BATTERY' }, { q: 'battery lasts' }],
    [{ q: '"two days"' }, { q: '"days two"' }],
    [{ q: 'days,' }, { q: 'day' }],
    [{ band: 'middle' }, { band: 'low' }],
    [{ judged: 'none' }, { judged: 'any' }],
  ] as const)('%o but not %o', (yes, no) => {
    expect(passes(row(), asked(yes))).toBe(true)
    expect(passes(row(), asked(no))).toBe(false)
  })
  test('by what the feedback said', () => {
    const wrong = row({ feedback: { label: 'positive', correct: false } })
    expect(judgements.map((judged) => passes(wrong, asked({ judged })))).toEqual([true, true, false, false, true])
  })
  test('in some band at every confidence', () => {
    for (let c = 0; c <= 100; c++)
      expect(bands.slice(1).some((band) => passes(row({ confidence: c / 100 }), asked({ band })))).toBe(true)
  })
})

test('a filter survives its way through the address', () => {
  const filter = asked({ task: 'sentiment', q: 'a "b c" & d', band: 'low', judged: 'wrong' })
  expect(filterOf(queryOf(filter))).toEqual(filter)
  expect(queryOf(noFilter)).toEqual({})
})

test("the log is asked in the API's own words", () => {
  const query = search(asked({ band: 'middle', judged: 'wrong', q: ' x ', source: 's' }), 100, 'c1')
  expect(Object.fromEntries(query)).toEqual({
    limit: '100',
    source: 's',
    q: 'x',
    confidence_min: '0.6',
    confidence_max: '0.8',
    feedback: 'wrong',
    cursor: 'c1',
  })
})
