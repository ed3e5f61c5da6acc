import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonExcess } from './jsonShape.ts'

const shape = (text: string, depthMax: number, valuesMax: number) =>
  jsonExcess(Buffer.from(text), { depthMax, valuesMax })

function measured(value: unknown): { depth: number; values: number } {
  if (typeof value !== 'object' || value === null) return { depth: 0, values: 1 }
  const inside = Object.values(value).map(measured)
  return {
    depth: 1 + Math.max(0, ...inside.map(({ depth }) => depth)),
    values: 1 + inside.reduce((sum, { values }) => sum + values, 0),
  }
}

test('no JSON within the limits is refused, whatever its strings hold, and none that is deeper is let through', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.boolean(), (value, pretty) => {
      const text = JSON.stringify(value, null, pretty ? 1 : 0)
      const { depth, values } = measured(value)
      // A comma separates values and a bracket holds some, so at most one is counted too often for each bracket.
      expect(shape(text, depth, 2 * values)).toBeNull()
      if (depth > 0) expect(shape(text, depth - 1, Infinity)).toMatch(/nests/)
    }),
  )
})

test('quotes and backslashes inside of strings hide nothing', () => {
  expect(shape(String.raw`["\\", "[[[[", "\"[[[\\\"", 1]`, 1, 6)).toBeNull()
  expect(shape(String.raw`["\\", [[]]]`, 2, 100)).toMatch(/nests more than 2/)
  expect(shape('["never ends, [[[[', 1, 3)).toBeNull()
})

test('a flood of small values ends where there are too many, long before the end of the body', () => {
  const flood = Buffer.from(`[${'[],'.repeat(11_000_000)}[]]`)
  const began = performance.now()
  expect(jsonExcess(flood, { depthMax: 16, valuesMax: 20_000 })).toMatch(/more than 20000 values/)
  expect(performance.now() - began).toBeLessThan(50)
})
