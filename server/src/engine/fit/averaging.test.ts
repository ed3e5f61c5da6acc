import { expect, test } from 'vitest'
import { average, startAverages } from './averaging.ts'
import { layOut } from './parameters.ts'

test('an average is the exponentially weighted mean of the values that it has seen, and leaves frozen ones alone', () => {
  const spec = { name: 'w', shape: [5], decays: true, learns: true }
  const parameters = layOut(
    [
      { ...spec, initial: new Float32Array(5).fill(1) },
      { ...spec, name: 'still', learns: false, initial: new Float32Array(5).fill(9) },
    ],
    0,
    true,
  )
  startAverages(parameters)
  let expected = 1
  for (let step = 1; step <= 100; step++) {
    const value = Math.sin(step)
    parameters.weights.get('w')?.fill(value)
    average(parameters, 0.9, step)
    const beta = Math.min(0.9, (1 + step) / (10 + step))
    expected = beta * expected + (1 - beta) * value
  }
  for (const seen of parameters.averages?.get('w') ?? []) expect(seen).toBeCloseTo(expected, 5)
  expect(parameters.averages?.get('still')).toBe(parameters.weights.get('still'))
})
