import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { gaussLegendre } from './gaussLegendre.ts'

test('integrates every polynomial of degree 2n − 1 exactly', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 24 }).chain((n) =>
        fc.record({
          n: fc.constant(n),
          terms: fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 1, maxLength: 2 * n }),
        }),
      ),
      ({ n, terms }) => {
        const { nodes, weights } = gaussLegendre(n)
        let sum = 0
        for (const [i, x] of nodes.entries())
          sum += weights[i] * terms.reduce((y, term, power) => y + term * x ** power, 0)
        const exact = terms.reduce((y, term, power) => y + term / (power + 1), 0)
        expect(Math.abs(sum - exact)).toBeLessThan(1e-12 * terms.length * 5)
      },
    ),
  )
})

test('has positive weights, and ascending nodes that mirror each other', () => {
  for (let n = 1; n <= 40; n++) {
    const { nodes, weights } = gaussLegendre(n)
    for (const [i, x] of nodes.entries()) {
      expect(weights[i]).toBeGreaterThan(0)
      expect(x + nodes[n - 1 - i]).toBeCloseTo(1, 14)
      if (i > 0) expect(x).toBeGreaterThan(nodes[i - 1])
    }
  }
})
