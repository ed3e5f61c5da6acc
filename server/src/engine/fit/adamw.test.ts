import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { adamw, clipScale, gradientNorm } from './adamw.ts'
import { layOut } from './parameters.ts'

type Flat = Readonly<Record<string, readonly number[]>>

interface Golden {
  readonly decay: number
  readonly clip: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly shapes: Readonly<Record<string, readonly number[]>>
  readonly initial: Flat
  readonly rates: readonly number[]
  readonly gradients: readonly Flat[]
  readonly norms: readonly number[]
  readonly final: Flat
}

const golden = JSON.parse(
  readFileSync(new URL('../../../test/golden/fit/adamw.json', import.meta.url), 'utf8'),
) as Golden // adamw.py wrote it

const specs = Object.entries(golden.shapes).map(([name, shape]) => ({
  name,
  shape,
  initial: Float32Array.from(golden.initial[name]),
  decays: name === 'matrix' || name === 'table',
  learns: true,
}))

test('twenty steps with two groups, clipping and a schedule are those of torch.optim.AdamW', () => {
  const frozen = { name: 'frozen', shape: [4], initial: new Float32Array(4).fill(3), decays: true, learns: false }
  const parameters = layOut([frozen, ...specs], 0)
  const { beta1, beta2, epsilon, decay, clip } = golden
  for (const [i, gradients] of golden.gradients.entries()) {
    for (const [name, values] of Object.entries(gradients)) parameters.gradients.get(name)?.set(values)
    const norm = gradientNorm(parameters)
    expect(Math.abs(norm / golden.norms[i] - 1)).toBeLessThan(1e-6)
    const at = { step: i + 1, learningRate: golden.rates[i], scale: clipScale(norm, clip) }
    adamw(parameters, { beta1, beta2, epsilon, decay }, at)
  }
  for (const [name, expected] of Object.entries(golden.final)) {
    const seen = parameters.weights.get(name) ?? []
    const off = Math.hypot(...expected.map((value, i) => seen[i] - value)) / Math.hypot(...expected)
    expect(off, name).toBeLessThan(1e-6)
  }
  expect([...(parameters.weights.get('frozen') ?? [])]).toEqual([3, 3, 3, 3])
})

test('what lies between the parameters stays zero', () => {
  const parameters = layOut(specs, 0)
  for (const gradient of parameters.gradients.values()) gradient.fill(1)
  const options = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.1 }
  for (const step of [1, 2, 3]) adamw(parameters, options, { step, learningRate: 0.1, scale: 1 })
  const { w } = parameters.state
  const inside = new Set<number>()
  for (const { byteOffset, length } of parameters.weights.values()) {
    for (let i = 0; i < length; i++) inside.add(byteOffset / 4 + i)
  }
  expect(w.length).toBeGreaterThan(inside.size)
  expect(w.every((value, i) => inside.has(i) || value === 0)).toBe(true)
})

test('a model that 4 GiB cannot hold is refused with a remedy', () => {
  const initial = new Float32Array(0)
  const huge = { name: 'huge', shape: [70_000, 4096], initial, decays: true, learns: true }
  expect(() => layOut([huge], 0)).toThrow(/4\.3 GiB.*Freeze/)
})
