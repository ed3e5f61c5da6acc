import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { normaliseText } from '../math/hash53.ts'
import { isHeldOut, splitHeldOut } from './heldOut.ts'

const row = fc.record({
  text: fc.array(fc.constantFrom('a', 'B', ' ', '\n', 'c', '!'), { maxLength: 4 }).map((parts) => parts.join('')),
  label: fc.constantFrom('x', 'y', 'z'),
})

test('every row is on one side, no text is on both, and where it is does not depend on the others', () => {
  fc.assert(
    fc.property(fc.array(row), fc.array(row), fc.double({ min: 0, max: 1, noNaN: true }), (rows, more, share) => {
      const { train, heldOut } = splitHeldOut(rows, share)
      expect([...train, ...heldOut].sort((a, b) => a - b)).toEqual(rows.map((_, i) => i))
      const trained = new Set(train.map((i) => normaliseText(rows[i].text)))
      expect(heldOut.filter((i) => trained.has(normaliseText(rows[i].text)))).toEqual([])
      const grown = splitHeldOut([...more, ...rows], share)
      expect(grown.heldOut.filter((i) => i >= more.length).map((i) => i - more.length)).toEqual(heldOut)
    }),
  )
})

test('each label gets its share, to the chance of drawing it: within 4.5 standard errors', () => {
  const rows = Array.from({ length: 30_000 }, (_, i) => ({
    text: `row number ${i}`,
    label: i % 10 === 0 ? 'rare' : 'common',
  }))
  for (const share of [0.02, 0.1, 0.5]) {
    for (const { train, heldOut } of splitHeldOut(rows, share).byLabel) {
      const count = train + heldOut
      expect(Math.abs(heldOut - count * share)).toBeLessThan(4.5 * Math.sqrt(count * share * (1 - share)))
    }
  }
})

test('another salt is another split, independent of the first', () => {
  const texts = Array.from({ length: 20_000 }, (_, i) => `t${i}`)
  const both = texts.filter((text) => isHeldOut(text, 0.2, 'one') && isHeldOut(text, 0.2, 'two')).length
  expect(Math.abs(both - 800)).toBeLessThan(4.5 * Math.sqrt(20_000 * 0.04 * 0.96))
})

test('a label that one side lacks is named', () => {
  const rows = [{ text: 'the only one', label: 'lonely' }]
  expect(splitHeldOut(rows, 0.1).labelsOneSided).toEqual(['lonely'])
})
