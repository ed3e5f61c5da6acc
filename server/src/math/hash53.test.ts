import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { hash53, textKey } from './hash53.ts'

const normaliseText = (text: string) => text.toLowerCase().replace(/\s+/g, ' ').trim()

test('the key of a text is the hash of its normalised form', () => {
  const spaced = fc
    .array(
      fc.constantFrom(' ', '\t', '\n', '\r\n', '\u00a0', '\u2003', '\ufeff', 'A', 'b', 'İ', 'ß', '😀', '\ud800', '!'),
    )
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.oneof(spaced, fc.string({ unit: 'binary' })), (text) => {
      expect(textKey(text)).toBe(hash53(normaliseText(text)))
    }),
  )
})

test('every code unit that \\s matches, and no other, is a space to the key', () => {
  for (let unit = 0; unit < 0x10000; unit++) {
    const text = `a${String.fromCharCode(unit)}b`
    if ((textKey(text) === textKey('a b')) !== /\s/.test(text)) expect.fail(`U+${unit.toString(16)}`)
  }
})

test('200,000 short texts have 200,000 hashes below 2⁵³, spread evenly', () => {
  const seen = new Set<number>()
  const cells = new Float64Array(64)
  for (let i = 0; i < 200_000; i++) {
    const hash = hash53(`row ${i}`)
    if (!Number.isSafeInteger(hash) || hash < 0) expect.fail(`row ${i}: ${hash}`)
    seen.add(hash)
    cells[Math.floor(hash / 2 ** 47)]++
  }
  expect(seen.size).toBe(200_000)
  let chi2 = 0
  for (const count of cells) chi2 += (count - 3125) ** 2 / 3125
  // χ²₆₃ at 0.9999: 113.0
  expect(chi2).toBeLessThan(113)
})
