import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../math/random.ts'
import { accuracyLoss, mcnemarWorse } from '../../../stats/mcnemar.ts'
import type { QueuedTextModel, Scored, TextModel } from '../../textModel.ts'
import { cascadeModel, readCascade } from './cascadeModel.ts'
import { chooseThreshold } from './chooseThreshold.ts'

/** scipy.stats.binomtest(worse, worse + better, 0.5, alternative='greater').pvalue (scipy 1.17.1) */
const golden: readonly (readonly [worse: number, better: number, p: number])[] = [
  [0, 0, 1.0],
  [1, 0, 0.5],
  [5, 0, 0.03125],
  [0, 5, 1.0],
  [8, 3, 0.11328125],
  [3, 8, 0.96728515625],
  [30, 18, 0.05570144553050939],
  [100, 80, 0.07826573478907584],
  [80, 100, 0.9413606734462698],
  [500, 450, 0.05591932257078947],
  [1200, 1100, 0.019483426341910116],
  [900, 900, 0.5094018538221461],
]

describe('McNemar’s exact test', () => {
  test.each(golden)('of %d worse and %d better gives p = %d', (worse, better, p) => {
    const got = mcnemarWorse({ rows: 10_000, worse, better })
    expect(Math.abs(got - p)).toBeLessThanOrEqual(1e-12 + 1e-10 * p)
  })

  test('is in (0, 1], falls with each row that is worse, and rises with each that is better', () => {
    fc.assert(
      fc.property(fc.nat(2000), fc.nat(2000), (worse, better) => {
        const p = (w: number, b: number) => mcnemarWorse({ rows: 5000, worse: w, better: b })
        expect(p(worse, better)).toBeGreaterThanOrEqual(0)
        expect(p(worse, better)).toBeLessThanOrEqual(1)
        expect(p(worse + 1, better)).toBeLessThanOrEqual(p(worse, better) + 1e-12)
        expect(p(worse, better + 1)).toBeGreaterThanOrEqual(p(worse, better) - 1e-12)
      }),
    )
  })

  test('of two models that are alike calls one worse in at most 5 % of trials', () => {
    const random = seededRandom(1)
    let called = 0
    for (let trial = 0; trial < 2000; trial++) {
      let worse = 0
      for (let i = 0; i < 60; i++) if (random() < 0.5) worse++
      if (mcnemarWorse({ rows: 1000, worse, better: 60 - worse }) <= 0.05) called++
    }
    expect(called / 2000).toBeLessThan(0.06)
    expect(called).toBeGreaterThan(0)
  })
})

test('the interval of the loss holds the truth in about 95 % of trials, also where few rows count', () => {
  const random = seededRandom(2)
  for (const [worseShare, betterShare] of [
    [0.01, 0.005],
    [0.1, 0.05],
    [0.002, 0.002],
  ]) {
    let held = 0
    for (let trial = 0; trial < 1000; trial++) {
      let worse = 0
      let better = 0
      for (let row = 0; row < 500; row++) {
        const u = random()
        if (u < worseShare) worse++
        else if (u < worseShare + betterShare) better++
      }
      const { low, high } = accuracyLoss({ rows: 500, worse, better })
      if (low <= worseShare - betterShare && worseShare - betterShare <= high) held++
    }
    expect(held / 1000).toBeGreaterThan(0.93)
  }
})

/** Rows on which both are right more often the surer the linear model is; the transformer loses nothing to doubt. */
function rowsOf(count: number, seed: number, transformerRightShare = 0.9) {
  const random = seededRandom(seed)
  const confidence = Float64Array.from({ length: count }, () => 0.5 + random() / 2)
  const linearRight = confidence.map((c) => (random() < c ? 1 : 0))
  const transformerRight = confidence.map((c) => (random() < Math.max(c, transformerRightShare) ? 1 : 0))
  return { confidence, linearRight, transformerRight }
}

describe('the threshold', () => {
  const allowed = { kind: 'none-significant', level: 0.05 } as const

  test('leaves the rows to the linear model where that is as good, and few where it is not', () => {
    const rows = rowsOf(20_000, 3)
    const { threshold, share, loss, p } = chooseThreshold(rows, allowed)
    expect(p).toBeGreaterThan(0.05)
    expect(threshold).toBeGreaterThan(0.8)
    expect(threshold).toBeLessThan(0.95)
    expect(share).toBeCloseTo(2 * (1 - threshold), 1)
    expect(loss.loss).toBeLessThan(0.005)
  })

  test('says of its rows what is true of them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 }), fc.nat(1000), fc.boolean(), (count, seed, tight) => {
        const rows = rowsOf(count, seed)
        const { threshold, share, loss } = chooseThreshold(rows, tight ? { kind: 'at-most', loss: 0.02 } : allowed)
        const answers = [...rows.confidence.keys()].filter((i) => rows.confidence[i] >= threshold)
        if (count > 0) expect(answers.length / count).toBeCloseTo(share, 12)
        const right = [...rows.confidence.keys()].map((i) =>
          rows.confidence[i] >= threshold ? rows.linearRight[i] : rows.transformerRight[i],
        )
        const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0)
        if (count > 0) expect((sum(rows.transformerRight) - sum(right)) / count).toBeCloseTo(loss.loss, 12)
        if (tight && share > 0) expect(loss.high).toBeLessThanOrEqual(0.02)
      }),
    )
  })

  test('is infinite where the linear model is always wrong, and lets it answer all where it is always right', () => {
    const ones = new Float64Array(1000).fill(1)
    const zeros = new Float64Array(1000)
    const { confidence } = rowsOf(1000, 4)
    expect(chooseThreshold({ confidence, linearRight: zeros, transformerRight: ones }, allowed)).toMatchObject({
      threshold: Infinity,
      share: 0,
    })
    expect(chooseThreshold({ confidence, linearRight: ones, transformerRight: zeros }, allowed)).toMatchObject({
      threshold: 0,
      share: 1,
    })
  })

  test('does not part rows of the same confidence', () => {
    const confidence = Float64Array.from({ length: 500 }, (_, i) => (i < 400 ? 0.9 : 0.6))
    const linearRight = confidence.map((c) => (c > 0.7 ? 1 : 0))
    const transformerRight = new Float64Array(500).fill(1)
    expect(chooseThreshold({ confidence, linearRight, transformerRight }, allowed)).toMatchObject({
      threshold: 0.9,
      share: 0.8,
    })
  })
})

describe('a cascade', () => {
  /** Sure of its label by the number in the text. */
  const linear: TextModel = {
    labels: ['b', 'a'],
    score(text): Scored {
      const p = Number(text)
      return { label: 0, probabilities: Float64Array.of(p, 1 - p), tokens: 1, unknown: 0 }
    },
    explain: () => ({
      logits: [1, 2],
      bias: [3, 4],
      spans: [{ start: 0, end: 1, contributions: [5, 6] }],
      features: [],
    }),
  }
  const transformer: QueuedTextModel = {
    labels: ['a', 'b'],
    submit: async () => ({ label: 0, probabilities: Float64Array.of(0.75, 0.25), tokens: 9, unknown: 1 }),
    explain: async () => ({ logits: [0, 0], bias: [0, 0], spans: [], features: [] }),
    close: async () => undefined,
  }
  const model = cascadeModel(linear, transformer, { format: 1, threshold: 0.9 })
  const options = { deadlineMs: 1000 }

  test('answers with the linear model from the threshold on, in its own order of labels, and counts', async () => {
    expect(await model.submit('0.9', options)).toMatchObject({
      label: 1,
      probabilities: Float64Array.of(1 - 0.9, 0.9),
    })
    expect(await model.submit('0.89', options)).toMatchObject({ label: 0, tokens: 9 })
    expect(await model.submit('0.5', options)).toMatchObject({ tokens: 9 })
    expect(model.shares).toEqual({ linear: 1, transformer: 2 })
  })

  test('explains with the model that answers', async () => {
    expect(await model.explain('0.95', options)).toMatchObject({ logits: [2, 1], spans: [{ contributions: [6, 5] }] })
    expect(await model.explain('0.6', options)).toMatchObject({ logits: [0, 0] })
  })

  test('without a threshold is the transformer', async () => {
    const never = cascadeModel(linear, transformer, { format: 1, threshold: null })
    expect(await never.submit('1', options)).toMatchObject({ tokens: 9 })
  })

  test('of parts with other labels is refused', () => {
    expect(() => cascadeModel({ ...linear, labels: ['a', 'c'] }, transformer, { format: 1, threshold: 0.9 })).toThrow(
      /labels/,
    )
  })

  test('is read from its file, or not at all', () => {
    expect(readCascade('{"format": 1, "threshold": 0.5}')).toEqual({ format: 1, threshold: 0.5 })
    for (const wrong of ['{}', '[]', 'null', '{"format": 1, "threshold": 2}', '{"format": 2, "threshold": 1}'])
      expect(() => readCascade(wrong)).toThrow(TypeError)
  })
})
