import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { inverseDocumentFrequency, logCountRatio } from './weighting.ts'

interface Golden {
  readonly texts: readonly string[]
  readonly idf: Readonly<Record<string, number>>
  readonly ratio: Readonly<Record<string, number>>
  readonly inPositive: Readonly<Record<string, number>>
  readonly inNegative: Readonly<Record<string, number>>
}

// The form that test/golden/linear.py writes.
const golden = JSON.parse(readFileSync(new URL('../../../test/golden/linear.json', import.meta.url), 'utf8')) as Golden

test('the inverse document frequency is that of scikit-learn', () => {
  for (const [word, idf] of Object.entries(golden.idf)) {
    const rows = golden.texts.filter((text) => text.split(/\W+/).includes(word)).length
    expect(inverseDocumentFrequency(golden.texts.length, rows)).toBeCloseTo(idf, 12)
  }
})

test('the log-count ratio is that of Wang & Manning', () => {
  const names = Object.keys(golden.ratio)
  const total = (counts: Readonly<Record<string, number>>): number =>
    names.reduce((sum, name) => sum + 1 + counts[name], 0)
  for (const name of names) {
    const ratio = logCountRatio(
      golden.inPositive[name],
      golden.inNegative[name],
      total(golden.inPositive),
      total(golden.inNegative),
    )
    expect(ratio).toBeCloseTo(golden.ratio[name], 12)
  }
})

test('a feature that is as common on both sides says nothing; swapping the sides swaps the sign', () => {
  expect(logCountRatio(3, 3, 100, 100)).toBe(0)
  expect(logCountRatio(9, 1, 100, 80)).toBeCloseTo(-logCountRatio(1, 9, 80, 100), 15)
})
