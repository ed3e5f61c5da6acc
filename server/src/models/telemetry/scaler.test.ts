import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../../math/random.ts'
import { featureNames, featurePlan, featuresOf } from './features.ts'
import { generateHistory } from './generateHistory.ts'
import { baseMetrics, type History } from './history.ts'
import { fitScaler, scaleInto } from './scaler.ts'

const names = featureNames(featurePlan)
const machine = (seed: number) =>
  generateHistory({ node: 'any', seed, startAt: 0, rows: 800, intervalSeconds: 30, metrics: baseMetrics })

test('what it was fitted on has mean 0 and deviation 1, feature by feature, but for what is clipped', () => {
  const parts = [1, 2, 3].map((seed) => featuresOf(machine(seed), featurePlan))
  const scaler = fitScaler(names, parts)
  const scaled = parts.map((part) => {
    const out = new Float32Array(part.length)
    scaleInto(scaler, part, out)
    return out
  })
  for (const [f, name] of names.entries()) {
    const column = scaled.flatMap((part) => Array.from(part).filter((_, i) => i % names.length === f))
    const mean = column.reduce((a, b) => a + b, 0) / column.length
    const std = Math.sqrt(column.reduce((a, b) => a + (b - mean) ** 2, 0) / column.length)
    expect(Math.abs(mean), name).toBeLessThan(0.1)
    expect(std === 0 || (std > 0.5 && std < 1.1), `${name} ${std}`).toBe(true)
  }
})

test('gives finite numbers within ±8, whatever the features are', () => {
  const scaler = fitScaler(names, [featuresOf(machine(1), featurePlan)])
  const anything = fc.oneof(fc.constant(NaN), fc.double({ noDefaultInfinity: true, min: -1e38, max: 1e38 }))
  fc.assert(
    fc.property(fc.array(anything, { minLength: names.length, maxLength: names.length }), (row) => {
      const out = new Float32Array(names.length)
      scaleInto(scaler, Float64Array.from(row), out)
      expect(out.every((z) => Math.abs(z) <= 8)).toBe(true)
    }),
  )
})

test('a machine a thousand times as busy scales to the same features', () => {
  const random = seededRandom(4)
  const small: History = {
    node: 'small',
    metrics: ['bytes_in'],
    at: Float64Array.from({ length: 400 }, (_, i) => i * 30_000),
    values: Float64Array.from({ length: 400 }, () => 1000 * (1 + random())),
  }
  const plan = { ...featurePlan, metrics: ['bytes_in'] }
  const large = { ...small, values: small.values.map((x) => x * 1000) }
  const columns = featureNames(plan)
  const [a, b] = [featuresOf(small, plan), featuresOf(large, plan)]
  const scaler = fitScaler(columns, [a])
  const row = (features: Float64Array, at: number) => {
    const out = new Float32Array(columns.length)
    scaleInto(scaler, features.slice(at * columns.length, (at + 1) * columns.length), out)
    return columns.map((name, f) => (name === 'bytes_in_usual' ? 0 : out[f]))
  }
  for (let at = 1; at < 400; at++) for (const [f, z] of row(a, at).entries()) expect(row(b, at)[f]).toBeCloseTo(z, 3)
})
