import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { axisOf, carry, lean, paint } from './lean.ts'

const number = fc.double({ min: -5, max: 5, noNaN: true })

/** A text with spans that ascend and do not overlap. */
const spanned = fc
  .tuple(
    fc.string({ maxLength: 60, unit: 'grapheme' }),
    fc.array(fc.nat(60), { maxLength: 12 }),
    fc.array(number, { minLength: 40, maxLength: 40 }),
  )
  .map(([text, cuts, values]) => {
    const at = [...new Set(cuts.map((c) => Math.min(c, text.length)))].sort((a, b) => a - b)
    const spans = []
    for (let i = 0; i + 1 < at.length; i += 2)
      spans.push({ start: at[i], end: at[i + 1], contributions: [values[i], values[i + 1], values[i + 2]] })
    return { text, spans }
  })

describe('lean', () => {
  test('does not change when every logit gets the same amount', () => {
    fc.assert(
      fc.property(fc.array(number, { minLength: 2, maxLength: 6 }), number, (contributions, amount) => {
        const labels = contributions.map((_, i) => `label-${i}`)
        const axis = axisOf(labels, labels[1])
        expect(
          lean(
            contributions.map((c) => c + amount),
            axis,
          ),
        ).toBeCloseTo(lean(contributions, axis), 9)
      }),
    )
  })
  test('is positive minus negative where a task has both poles, whatever was predicted', () => {
    const labels = ['negative', 'neutral', 'positive']
    for (const label of labels) expect(lean([-1, 0.5, 2], axisOf(labels, label))).toBe(3)
  })
  test('points to the predicted label elsewhere', () => {
    const labels = ['info', 'warning', 'critical']
    expect(lean([-1, 0, 2], axisOf(labels, 'critical'))).toBe(2.5)
    expect(lean([-1, 0, 2], axisOf(labels, 'info'))).toBe(-2)
  })
  test('is between the two labels of a task that has only two, towards the predicted one', () => {
    expect(axisOf(['billing', 'shipping'], 'shipping')).toEqual({ kind: 'polarity', towards: 1, away: 0 })
    expect(lean([-1, 2], axisOf(['billing', 'shipping'], 'shipping'))).toBe(3)
    expect(lean([-1, 2], axisOf(['billing', 'shipping'], 'billing'))).toBe(-3)
  })
  test('a task of one label leans nowhere', () => {
    expect(lean([3], axisOf(['only'], 'only'))).toBe(0)
  })
})

describe('paint', () => {
  const axis = axisOf(['negative', 'neutral', 'positive'], 'positive')
  test('the pieces together are the text, each where it says', () => {
    fc.assert(
      fc.property(spanned, ({ text, spans }) => {
        const pieces = paint(text, spans, axis)
        expect(pieces.map((p) => p.text).join('')).toBe(text)
        for (const piece of pieces) expect(text.slice(piece.start, piece.end)).toBe(piece.text)
      }),
    )
  })
  test('the stronger of two stretches is never the paler one', () => {
    fc.assert(
      fc.property(spanned, ({ text, spans }) => {
        const painted = paint(text, spans, axis).filter((p) => p.strength > 0)
        for (const piece of painted) expect(piece.strength).toBeLessThanOrEqual(1)
        const byLean = painted.toSorted((a, b) => Math.abs(a.lean) - Math.abs(b.lean))
        const byStrength = painted.toSorted((a, b) => a.strength - b.strength)
        expect(byLean.map((p) => Math.abs(p.lean))).toEqual(byStrength.map((p) => Math.abs(p.lean)))
      }),
    )
  })
  test('a text in which nothing weighs much stays pale', () => {
    const [piece] = paint('well', [{ start: 0, end: 4, contributions: [0, 0, 0.1] }], axis)
    expect(piece.strength).toBeCloseTo(0.2)
  })
})

describe('carry', () => {
  test('a span that is kept stands on the same characters', () => {
    fc.assert(
      fc.property(spanned, fc.nat(60), fc.nat(10), fc.string({ maxLength: 8 }), ({ text, spans }, at, cut, put) => {
        const after = text.slice(0, at) + put + text.slice(at + cut)
        const carried = carry(spans, text, after)
        const words = spans.map((s) => text.slice(s.start, s.end))
        let from = 0
        for (const span of carried) {
          const word = after.slice(span.start, span.end)
          from = words.indexOf(word, from)
          expect(from).toBeGreaterThanOrEqual(0)
        }
      }),
    )
  })
  test('words before and after an edit keep their colour', () => {
    const spans = [
      { start: 0, end: 4, contributions: [1] },
      { start: 5, end: 8, contributions: [2] },
      { start: 9, end: 14, contributions: [3] },
    ]
    expect(carry(spans, 'good old times', 'good times')).toEqual([spans[0], { start: 5, end: 10, contributions: [3] }])
    expect(carry(spans, 'good old times', 'good, old times').map((s) => s.start)).toEqual([0, 6, 10])
  })
})
