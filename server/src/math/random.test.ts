import { expect, test } from 'vitest'
import { seededRandom, shuffle } from './random.ts'

test('a seed always gives the same numbers', () => {
  const first = seededRandom(42)
  const second = seededRandom(42)
  const other = seededRandom(43)
  const numbers = Array.from({ length: 1000 }, first)
  expect(Array.from({ length: 1000 }, second)).toEqual(numbers)
  expect(Array.from({ length: 1000 }, other).filter((value, i) => value === numbers[i])).toEqual([])
})

test('numbers are uniform on [0, 1): χ² over 64 cells stays below its 99.99 % point, for any seed tried', () => {
  for (let seed = 0; seed < 20; seed++) {
    const random = seededRandom(seed)
    const cells = new Float64Array(64)
    for (let i = 0; i < 64_000; i++) cells[Math.floor(random() * 64)]++
    let chi2 = 0
    for (const count of cells) chi2 += (count - 1000) ** 2 / 1000
    // χ²₆₃ at 0.9999 (scipy.stats.chi2.ppf): 113.0
    expect(chi2).toBeLessThan(113)
  }
})

test('every order of a shuffle is equally likely', () => {
  const random = seededRandom(5)
  const seen = new Map<string, number>()
  for (let i = 0; i < 24_000; i++) {
    const items = ['a', 'b', 'c', 'd']
    shuffle(items, random)
    seen.set(items.join(''), (seen.get(items.join('')) ?? 0) + 1)
  }
  expect(seen.size).toBe(24)
  // χ²₂₃ at 0.9999: 58.6
  expect([...seen.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(58.6)
})
