import { expect, test } from 'vitest'
import { seededRandom } from '../../math/random.ts'
import { fill, type Initial, initialise, inverseRoot } from './initialise.ts'

const COUNT = 40_000

/** Mean and variance of many values. */
function momentsOf(initial: Initial): { mean: number; variance: number; most: number } {
  const values = fill(COUNT, initial, seededRandom(1))
  const mean = values.reduce((sum, x) => sum + x, 0) / COUNT
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / COUNT
  return { mean, variance, most: values.reduce((most, x) => Math.max(most, Math.abs(x)), 0) }
}

test.each([
  ['normal', { kind: 'normal', deviation: 0.02 }, 0.02 ** 2],
  // The variance of a standard normal cut off at 2: 1 − 4φ(2)/(2Φ(2) − 1).
  ['truncated normal', { kind: 'truncated-normal', deviation: 0.02 }, 0.02 ** 2 * 0.7737],
  ["PyTorch's linear layers, 1/(3·in)", inverseRoot(100), 1 / 300],
] as const)('%s: the mean is 0 and the variance is what the formula says', (_, initial, variance) => {
  const seen = momentsOf(initial)
  expect(Math.abs(seen.mean)).toBeLessThan(4 * Math.sqrt(variance / COUNT))
  expect(Math.abs(seen.variance / variance - 1)).toBeLessThan(0.05)
})

test('a truncated normal keeps within two deviations', () => {
  expect(momentsOf({ kind: 'truncated-normal', deviation: 0.5 }).most).toBeLessThanOrEqual(1)
})

test('a parameter starts the same whatever stands beside it, and differently for another name or seed', () => {
  const plan = (name: string) =>
    ({ name, shape: [4], initial: { kind: 'normal', deviation: 1 }, decays: true }) as const
  const of = (seed: number, ...names: string[]) => initialise(names.map(plan), seed).map(({ initial }) => [...initial])
  const [a] = of(1, 'a')
  expect(of(1, 'b', 'a')[1]).toEqual(a)
  expect(of(1, 'b')[0]).not.toEqual(a)
  expect(of(2, 'a')[0]).not.toEqual(a)
})

test('what is known is taken, and only what is asked to learn learns', () => {
  const plan = (name: string) => ({ name, shape: [2], initial: { kind: 'constant', value: 1 }, decays: false }) as const
  const known = (name: string) => (name === 'a' ? Float32Array.of(5, 6) : null)
  const [a, b] = initialise([plan('a'), plan('b')], 1, known, (name) => name === 'b')
  expect([[...a.initial], a.learns]).toEqual([[5, 6], false])
  expect([[...b.initial], b.learns]).toEqual([[1, 1], true])
})
