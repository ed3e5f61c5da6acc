import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../math/random.ts'
import { accuracy, confusion, labelCounts, macroF1, macroRecall } from '../stats/confusion.ts'
import { argmax, brier, calibrationError, logLoss, type Predictions } from '../stats/probabilities.ts'
import { macroRocAuc, rocAuc } from '../stats/rocAuc.ts'
import { evaluate } from './evaluate.ts'

interface Golden {
  readonly cases: readonly {
    readonly name: string
    readonly labels: number
    readonly actual: readonly number[]
    readonly probabilities: readonly number[]
    readonly expected: Readonly<Record<string, number | null>>
    readonly confusion: readonly (readonly number[])[]
  }[]
}
const golden: Golden = JSON.parse(readFileSync(new URL('../../test/golden/evaluation.json', import.meta.url), 'utf8'))

/** Any predictions: few or many rows, 2–5 labels, with ties, zeros and certainty. */
const somePredictions = fc
  .record({
    labels: fc.integer({ min: 2, max: 5 }),
    rows: fc.integer({ min: 1, max: 60 }),
    seed: fc.integer(),
    steps: fc.constantFrom(2, 10, 1e6),
  })
  .map(({ labels, rows, seed, steps }): Predictions => {
    const random = seededRandom(seed)
    const probabilities = new Float64Array(rows * labels)
    for (let row = 0; row < rows; row++) {
      const parts = Array.from({ length: labels }, () => Math.round(random() * steps))
      const sum = parts.reduce((a, b) => a + b, 0)
      for (const [k, part] of parts.entries()) probabilities[row * labels + k] = sum === 0 ? 1 / labels : part / sum
    }
    return { labels, actual: Array.from({ length: rows }, () => Math.floor(random() * labels)), probabilities }
  })

describe('against scikit-learn', () => {
  test.each(golden.cases)('$name', ({ labels, actual, probabilities, expected, confusion }) => {
    const seen = evaluate('golden', { labels, actual, probabilities }, { random: seededRandom(1), resamples: 10 })
    expect(seen.confusion).toEqual(confusion)
    for (const [metric, value] of Object.entries(expected)) {
      if (value === null) expect(seen.metrics[metric], metric).toBeUndefined()
      else expect(seen.metrics[metric].value, metric).toBeCloseTo(value, 12)
    }
  })
})

describe('special cases', () => {
  test('of no rows nothing is measured', () => {
    const nothing = { labels: 3, actual: [], probabilities: [] }
    expect(evaluate('empty', nothing, { random: seededRandom(1) })).toEqual({
      name: 'empty',
      rows: 0,
      metrics: {},
      confusion: [
        [0, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
      ],
    })
    for (const metric of [logLoss, brier, macroRocAuc]) expect(metric(nothing)).toBeNaN()
  })

  test('a NaN among the probabilities hides nothing: what depends on it is absent', () => {
    const spoilt = { labels: 2, actual: [0, 1, 1], probabilities: [0.5, 0.5, NaN, NaN, 0.2, 0.8] }
    const { metrics } = evaluate('spoilt', spoilt, { random: seededRandom(1), resamples: 100 })
    expect(Object.keys(metrics).sort()).toEqual(['accuracy', 'macroF1', 'macroRecall'])
    expect(calibrationError(spoilt).ece).toBeNaN()
  })

  test('an AUC needs a positive and a negative row', () => {
    expect(rocAuc([1, 2], [1, 1])).toBeNaN()
    expect(rocAuc([1, 2], [0, 0])).toBeNaN()
    expect(rocAuc([1, NaN], [0, 1])).toBeNaN()
  })
})

describe('properties', () => {
  test('AUC is the share of pairs in the right order, ties counting half', () => {
    const scored = fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.constantFrom(0, 1)), {
      minLength: 2,
      maxLength: 40,
    })
    fc.assert(
      fc.property(scored, (rows) => {
        const positive = rows.filter(([, p]) => p === 1)
        const negative = rows.filter(([, p]) => p === 0)
        let right = 0
        for (const [a] of positive) for (const [b] of negative) right += a > b ? 1 : a === b ? 0.5 : 0
        fc.pre(positive.length > 0 && negative.length > 0)
        const seen = rocAuc(
          rows.map(([s]) => s),
          rows.map(([, p]) => p),
        )
        expect(seen).toBeCloseTo(right / (positive.length * negative.length), 12)
      }),
    )
  })

  test('AUC does not change under any increasing transform of the scores, and mirrors when they are negated', () => {
    fc.assert(
      fc.property(
        somePredictions.filter((p) => p.labels === 2 && new Set(Array.from(p.actual)).size === 2),
        ({ actual, probabilities }) => {
          const scores = Array.from(actual, (_, row) => probabilities[row * 2 + 1])
          const area = rocAuc(scores, actual)
          expect(
            rocAuc(
              scores.map((s) => Math.exp(3 * s) - 7),
              actual,
            ),
          ).toBeCloseTo(area, 12)
          expect(
            rocAuc(
              scores.map((s) => -s),
              actual,
            ),
          ).toBeCloseTo(1 - area, 12)
        },
      ),
    )
  })

  test('every interval holds its estimate, lies in the range of the metric, and repeats for the same seed', () => {
    const ranges: Readonly<Record<string, number>> = {
      accuracy: 1,
      macroRecall: 1,
      macroF1: 1,
      ece: 1,
      rocAuc: 1,
      brier: 2,
      logLoss: 37,
    }
    fc.assert(
      fc.property(somePredictions, fc.integer(), (predictions, seed) => {
        const once = evaluate('p', predictions, { random: seededRandom(seed), resamples: 100 })
        for (const [metric, { value, low, high }] of Object.entries(once.metrics)) {
          expect(low).toBeLessThanOrEqual(value)
          expect(high).toBeGreaterThanOrEqual(value)
          expect(low).toBeGreaterThanOrEqual(0)
          expect(high).toBeLessThanOrEqual(ranges[metric] + 1e-12)
        }
        expect(evaluate('p', predictions, { random: seededRandom(seed), resamples: 100 })).toEqual(once)
      }),
      { numRuns: 40 },
    )
  })

  test('the order of the rows does not matter to any estimate', () => {
    fc.assert(
      fc.property(somePredictions, ({ labels, actual, probabilities }) => {
        const rows = Array.from(actual, (_, row) => actual.length - 1 - row)
        const turned = {
          labels,
          actual: rows.map((row) => actual[row]),
          probabilities: rows.flatMap((row) => Array.from(probabilities).slice(row * labels, (row + 1) * labels)),
        }
        const a = evaluate('a', { labels, actual, probabilities }, { random: seededRandom(1), resamples: 1 }).metrics
        const b = evaluate('b', turned, { random: seededRandom(1), resamples: 1 }).metrics
        for (const metric of Object.keys(a)) expect(b[metric].value, metric).toBeCloseTo(a[metric].value, 12)
      }),
    )
  })

  test('hard-label metrics are what they say, counted the slow way', () => {
    fc.assert(
      fc.property(somePredictions, (predictions) => {
        const { labels, actual } = predictions
        const said = argmax(predictions)
        const counts = labelCounts(confusion(actual, said, labels))
        const pairs = Array.from(actual, (a, row) => [a, said[row]] as const)
        expect(accuracy(counts)).toBeCloseTo(pairs.filter(([a, p]) => a === p).length / pairs.length, 12)
        const recalls = []
        const f1s = []
        for (let k = 0; k < labels; k++) {
          const there = pairs.filter(([a]) => a === k).length
          const hits = pairs.filter(([a, p]) => a === k && p === k).length
          const named = pairs.filter(([, p]) => p === k).length
          if (there > 0) recalls.push(hits / there)
          if (there + named > 0) f1s.push(hits === 0 ? 0 : 2 / (named / hits + there / hits))
        }
        expect(macroRecall(counts)).toBeCloseTo(mean(recalls), 12)
        expect(macroF1(counts)).toBeCloseTo(mean(f1s), 12)
      }),
    )
  })
})

test('the bootstrap interval of an accuracy covers the truth about 95 times in 100', () => {
  const truth = 0.8
  const runs = 300
  let covered = 0
  const random = seededRandom(20261120)
  for (let run = 0; run < runs; run++) {
    const rows = 300
    const actual = Array.from({ length: rows }, () => 0)
    const probabilities = actual.flatMap(() => (random() < truth ? [0.9, 0.1] : [0.1, 0.9]))
    const { low, high } = evaluate('coverage', { labels: 2, actual, probabilities }, { random, resamples: 200 }).metrics
      .accuracy
    if (low <= truth && truth <= high) covered++
  }
  // Binomial(300, 0.95): 99.9 % of runs lie within 0.95 ± 3.3 · 0.0126; the percentile interval is a little narrow.
  expect(covered / runs).toBeGreaterThan(0.9)
  expect(covered / runs).toBeLessThan(0.99)
})

test('rows that come in groups of ten alike have intervals √10 times as wide when the groups are resampled', () => {
  const random = seededRandom(8)
  const groups = Array.from({ length: 4000 }, (_, row) => Math.floor(row / 10))
  const right = Array.from({ length: 400 }, () => random() < 0.7)
  const probabilities = groups.flatMap((group) => (right[group] ? [0.8, 0.2] : [0.2, 0.8]))
  const predictions = { labels: 2, actual: groups.map(() => 0), probabilities }
  const width = (options: { groups?: number[] }) => {
    const { low, high } = evaluate('g', predictions, { random: seededRandom(1), ...options }).metrics.accuracy
    return high - low
  }
  expect(width({ groups }) / width({})).toBeGreaterThan(0.85 * Math.sqrt(10))
  expect(width({ groups }) / width({})).toBeLessThan(1.15 * Math.sqrt(10))
})

test('a calibrated model has a small error, and one that is too sure of itself a large one, in the bins that say where', () => {
  const random = seededRandom(3)
  const rows = 20_000
  const honest = Array.from({ length: rows }, () => 0.5 + random() / 2)
  const actual = honest.map((p) => (random() < p ? 0 : 1))
  expect(calibrationError({ labels: 2, actual, probabilities: honest.flatMap((p) => [p, 1 - p]) }).ece).toBeLessThan(
    0.015,
  )
  const { ece, bins } = calibrationError({ labels: 2, actual, probabilities: honest.flatMap(() => [0.99, 0.01]) })
  expect(ece).toBeCloseTo(0.99 - 0.75, 1)
  expect(bins.map((bin) => bin.rows)).toEqual([...Array.from({ length: 14 }, () => 0), rows])
})

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length
}

test('a few rows that all were right are no certainty', () => {
  const rows = 23
  const actual = Int32Array.from({ length: rows }, (_, i) => i % 2)
  const probabilities = Float64Array.from({ length: 2 * rows }, (_, i) => ((i >> 1) % 2 === i % 2 ? 0.9 : 0.1))
  const predictions = { labels: 2, actual, probabilities }
  const { accuracy, macroRecall, macroF1 } = evaluate('few', predictions, { random: seededRandom(1) }).metrics
  // scipy: binomtest(23, 23).proportion_ci(method="wilson")
  expect(accuracy.low).toBeCloseTo(0.8568834, 6)
  for (const { value, low, high } of [accuracy, macroRecall, macroF1]) {
    expect(value).toBe(1)
    expect(high).toBe(1)
    expect(low).toBeLessThan(0.9)
  }
  const groups = Int32Array.from({ length: rows }, (_, i) => i % 5)
  const grouped = evaluate('few', predictions, { random: seededRandom(1), groups }).metrics.accuracy
  expect(grouped.low).toBeLessThan(accuracy.low)
})
