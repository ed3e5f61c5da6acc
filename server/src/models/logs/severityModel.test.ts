import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { softmax } from '../../math/softmax.ts'
import type { Explanation, Scored, TextModel } from '../textModel.ts'
import { parseLine } from './parseLine.ts'
import { readSeverityRule, severityLabels, severityModel, severityRule } from './severityModel.ts'

/** A small exact linear model: each known word of the line adds its weights. */
const weights: Readonly<Record<string, readonly number[]>> = {
  failed: [-3, 1, 2],
  ok: [4, -1, -3],
  slow: [-1, 3, -2],
  ip: [0.25, 0.5, -0.75],
  panic: [-20, -20, 40],
  error: [-2, 0, 2],
}
const words: TextModel = {
  labels: severityLabels,
  score(text: string): Scored {
    const { logits } = words.explain(text)
    const probabilities = softmax(Float64Array.from(logits))
    return { label: probabilities.indexOf(Math.max(...probabilities)), probabilities, tokens: 1, unknown: 0 }
  },
  explain(text: string): Explanation {
    const bias = [0.5, 0, -0.5]
    const spans = [...text.matchAll(/[a-z]+/gi)].map((match) => ({
      start: match.index,
      end: match.index + match[0].length,
      contributions: weights[match[0].toLowerCase()] ?? [0, 0, 0],
    }))
    const logits = bias.map((b, k) => spans.reduce((sum, span) => sum + span.contributions[k], b))
    return {
      logits,
      bias,
      spans,
      features: spans.map((span) => ({ feature: text.slice(span.start, span.end), ...span })),
    }
  },
}
const model = severityModel(words)

const line = fc
  .array(
    fc.constantFrom(
      'failed',
      'ok',
      'slow',
      'panic',
      '10.1.2.3',
      'ERROR:',
      'level=warn',
      '[info]',
      '<13>',
      'x',
      'error',
      '0',
      '%A-3-B:',
      '😀',
      'E',
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(' '))

describe('a line that states its severity', () => {
  test('gets it, however loudly its words disagree, and is surer the more they agree', () => {
    fc.assert(
      fc.property(line, (text) => {
        const stated = parseLine(text).stated
        if (stated === null) return
        const { label, probabilities } = model.score(text)
        expect(label).toBe(stated.severity)
        // e⁴ / (e⁴ + 2): the words take at most 1 of the margin of 5.
        expect(probabilities[label]).toBeGreaterThan(0.964)
      }),
    )
    const agrees = model.score('ERROR: it failed').probabilities[2]
    const disagrees = model.score('ERROR: ok').probabilities[2]
    expect(agrees).toBeGreaterThan(disagrees)
  })

  test('is explained by the stretch that states it', () => {
    const { features } = model.explain('disk1 level=error failed')
    expect(features[0]).toEqual({
      feature: 'level=error',
      start: 6,
      end: 17,
      contributions: [0, 0, severityRule.margin],
    })
  })
})

test('a line that states none is left to its words, with what varies put out of sight', () => {
  expect(model.score('it failed').probabilities).toEqual(words.score('it failed').probabilities)
  expect(model.score('from 10.1.2.3').probabilities).toEqual(words.score('from ip').probabilities)
})

test('every explanation adds up to the score: spans ascend, do not overlap, lie in the line', () => {
  fc.assert(
    fc.property(line, (text) => {
      const { logits, bias, spans } = model.explain(text)
      const { probabilities } = model.score(text)
      for (const [k, p] of softmax(Float64Array.from(logits)).entries()) expect(p).toBeCloseTo(probabilities[k], 12)
      for (const [k, logit] of logits.entries())
        expect(spans.reduce((sum, span) => sum + span.contributions[k], bias[k])).toBeCloseTo(logit, 9)
      let end = 0
      for (const span of spans) {
        expect(span.start).toBeGreaterThanOrEqual(end)
        expect(span.end).toBeGreaterThan(span.start)
        end = span.end
      }
      expect(end).toBeLessThanOrEqual(text.length)
    }),
    { numRuns: 500 },
  )
})

test('what was masked is shown as it stands in the line', () => {
  const { spans } = model.explain('from 10.1.2.3 failed')
  expect(spans.map(({ start, end }) => 'from 10.1.2.3 failed'.slice(start, end))).toEqual([
    'from',
    '10.1.2.3',
    'failed',
  ])
})

test('the rule travels in the manifest, and one of another reading is refused', () => {
  expect(readSeverityRule({ ...severityRule, other: true })).toEqual(severityRule)
  expect(() => readSeverityRule({ ...severityRule, reading: 3 })).toThrow(/reading 3/)
  expect(() => readSeverityRule({ reading: 2 })).toThrow(/numbers/)
})
