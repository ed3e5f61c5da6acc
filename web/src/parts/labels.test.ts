import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { look, readingOn, scaleOf } from './labels.ts'

test('no two labels of a task look the same in both tone and shape, up to 72 labels', () => {
  const labels = Array.from({ length: 72 }, (_, i) => `topic-${i}`)
  expect(new Set(labels.map((l) => JSON.stringify(look(l, labels)))).size).toBe(72)
})

test('labels of the tasks in the box differ by shape alone', () => {
  for (const labels of [
    ['negative', 'neutral', 'positive'],
    ['info', 'warning', 'critical'],
  ])
    expect(new Set(labels.map((l) => look(l, labels).shape)).size).toBe(3)
})

test('a scale is known whatever the order of the labels, and other labels have none', () => {
  expect(scaleOf(['positive', 'negative', 'neutral'])).toEqual(['negative', 'neutral', 'positive'])
  expect(scaleOf(['billing', 'shipping'])).toBeNull()
})

test('the reading stays on the scale, and certainty is at its ends', () => {
  const scale = ['negative', 'neutral', 'positive']
  expect(readingOn(scale, { positive: 1, neutral: 0, negative: 0 })).toBe(1)
  expect(readingOn(scale, { positive: 0, neutral: 0, negative: 1 })).toBe(-1)
  const weight = fc.double({ min: 0.001, max: 1, noNaN: true })
  fc.assert(
    fc.property(weight, weight, weight, (a, b, c) => {
      const sum = a + b + c
      const at = readingOn(scale, { negative: a / sum, neutral: b / sum, positive: c / sum })
      expect(Math.abs(at)).toBeLessThanOrEqual(1)
      expect(Math.sign(Math.round(at * 1e9))).toBe(Math.sign(Math.round(((c - a) / sum) * 1e9)))
    }),
  )
})
