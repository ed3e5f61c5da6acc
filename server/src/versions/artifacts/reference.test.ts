import { expect, test } from 'vitest'
import { signals } from '../../domain/reference.ts'
import { makeReference, SAMPLE_ROWS, signalsOf } from '../../evaluation/makeReference.ts'
import { quantileSketch, sketchQuantile } from '../../math/quantileSketch.ts'
import { seededRandom } from '../../math/random.ts'
import type { TextModel } from '../../models/textModel.ts'
import { type Artifact, makeArtifact } from './artifact.ts'
import { readReference, referenceBytes, rollingReference } from './reference.ts'

/** A small real model: the share of exclamation marks says how positive a text is. */
const shouting: TextModel = {
  labels: ['negative', 'positive'],
  score: (text) => {
    const words = text.split(' ')
    const p = (1 + words.filter((word) => word.endsWith('!')).length) / (2 + words.length)
    return {
      label: p > 0.5 ? 1 : 0,
      probabilities: Float64Array.of(1 - p, p),
      tokens: words.length,
      unknown: words.filter((word) => word === 'x').length,
    }
  },
  explain: () => {
    throw new Error('not called')
  },
}

const random = seededRandom(4)
const texts = Array.from({ length: 8000 }, () =>
  Array.from({ length: 1 + Math.floor(random() * 30) }, () =>
    random() < 0.3 ? 'yes!' : random() < 0.1 ? 'x' : 'no',
  ).join(' '),
)
const reference = makeReference(shouting, texts, seededRandom(1))

test('a reference is what the model did on the held-out rows', () => {
  const seen = texts.map((text) => signalsOf(text, shouting.score(text)))
  expect(reference.rows).toBe(texts.length)
  expect(reference.predicted[1]).toBe(texts.filter((text) => shouting.score(text).label === 1).length)
  for (const signal of signals) {
    const column = seen.map((row) => row[signal]).sort((a, b) => a - b)
    const mean = column.reduce((a, b) => a + b, 0) / column.length
    expect(reference.signals[signal].mean, signal).toBeCloseTo(mean, 9)
    const median = sketchQuantile(reference.signals[signal].sketch, 0.5)
    expect(median, signal).toBeGreaterThanOrEqual(column[Math.floor(column.length * 0.49)] * 0.9999)
    expect(median, signal).toBeLessThanOrEqual(column[Math.floor(column.length * 0.51)] * 1.0001)
  }
})

test('its sample is 5,000 different rows with all columns of one row together, and the whole is below 300 kB', () => {
  expect(reference.sample.rows).toBe(SAMPLE_ROWS)
  expect(referenceBytes(reference).length).toBeLessThan(300_000)
  const known = new Set(
    texts.map((text) => {
      const scored = shouting.score(text)
      const { chars, tokens, confidence } = signalsOf(text, scored)
      return `${scored.label} ${chars} ${tokens} ${Number(confidence.toPrecision(5))}`
    }),
  )
  const { label, signals: columns } = reference.sample
  for (const [row, k] of label.entries()) {
    const { chars, tokens, confidence } = columns
    if (!known.has(`${k} ${chars[row]} ${tokens[row]} ${confidence[row]}`)) expect.fail(`row ${row} never was`)
  }
  // A random sample looks like the whole: the medians differ by less than 3 % of the ranks.
  const sampled = quantileSketch(columns.chars)
  expect(Math.abs(sketchQuantile(sampled, 0.5) / sketchQuantile(reference.signals.chars.sketch, 0.5) - 1)).toBeLessThan(
    0.06,
  )
})

test('a reference holds no text', () => {
  const secret = makeReference(shouting, ['my password is hunter2!'], seededRandom(1))
  expect(new TextDecoder().decode(referenceBytes(secret))).not.toMatch(/hunter2|password/)
})

function artifactWith(files: Readonly<Record<string, Uint8Array>>): Artifact {
  return makeArtifact(
    {
      format: 1,
      kind: 'linear',
      model: 'm',
      task: 't',
      labels: ['negative', 'positive'],
      recipe: { name: 'r', parameters: {} },
      seed: 1,
      data: { rows: 1, sha256: 'a'.repeat(64), sources: [] },
      evaluations: [],
      calibration: { temperature: 1, rows: 1, ece: 0 },
      engine: '0',
      createdAt: '2026-01-01T00:00:00Z',
    },
    files,
  )
}

test('it travels in the artifact, and the rolling window gets its means and deviations from it', () => {
  const artifact = artifactWith({ 'reference.json': referenceBytes(reference) })
  expect(readReference(artifact)).toEqual(reference)
  const { chars, confidence } = reference.signals
  expect(rollingReference(artifact)).toEqual({
    chars: { mean: chars.mean, std: chars.std },
    confidence: { mean: confidence.mean, std: confidence.std },
  })
  expect(rollingReference(artifactWith({ 'model.bin': new Uint8Array(1) }))).toBeNull()
})

test('another form is refused with the place that is wrong', () => {
  expect(() => readReference(broken({ ...reference, rows: 0 }))).toThrow(/rows/)
  expect(() => readReference(broken({ ...reference, predicted: [1, 2, 3] }))).toThrow(/labels/)
  expect(() => readReference(broken({ ...reference, sample: { ...reference.sample, label: [0] } }))).toThrow(/unequal/)
  expect(() => readReference(artifactWith({ 'reference.json': new Uint8Array([0xff]) }))).toThrow(/JSON/)
})

function broken(value: unknown): Artifact {
  return artifactWith({ 'reference.json': new TextEncoder().encode(JSON.stringify(value)) })
}
