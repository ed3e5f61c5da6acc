import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { combineHashes, finishHash, fmix32, hashText, hashUnits } from './hash.ts'

/** Any UTF-16 text, lone surrogates and all. */
const utf16 = (maxLength = 20): fc.Arbitrary<string> =>
  fc.array(fc.nat(0xffff), { maxLength }).map((units) => String.fromCharCode(...units))

test('the finaliser is MurmurHash3 (reference values: MurmurHash3_x86_32 of nothing is fmix32(seed))', () => {
  expect(fmix32(0) >>> 0).toBe(0)
  expect(fmix32(1) >>> 0).toBe(0x514e28b7)
  expect(fmix32(0xffffffff) >>> 0).toBe(0x81f16f39)
})

test('the state is FNV-1a (reference values of the draft: "", "a", "foobar"), then finished', () => {
  expect(hashText('')).toBe(fmix32(0x811c9dc5))
  expect(hashText('a')).toBe(fmix32(0xe40c292c))
  expect(hashText('foobar')).toBe(fmix32(0xbf9cf968))
})

test('hashes of known texts never change: artifacts hold them', () => {
  expect(['good', 'not', 'été', '😀', '<url>'].map(hashText)).toMatchInlineSnapshot(`
    [
      -596520093,
      1957039169,
      -1027298716,
      1787143206,
      1498025296,
    ]
  `)
  expect(combineHashes(hashText('not'), hashText('good'))).toMatchInlineSnapshot(`-1063254914`)
})

test('units hash as the text that they spell', () => {
  fc.assert(
    fc.property(utf16(), (text) => {
      const units = Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i))
      expect(hashUnits(units, 0, units.length)).toBe(hashText(text))
    }),
  )
})

test('no hash is zero, which marks an empty slot', () => {
  // fmix32(0) = 0, so this state is the one that would finish as zero.
  expect(finishHash(0)).toBe(1)
  fc.assert(
    fc.property(fc.integer(), fc.integer(), (a, b) => {
      expect(finishHash(a)).not.toBe(0)
      expect(combineHashes(a, b)).not.toBe(0)
    }),
  )
})

test('one flipped input bit flips each output bit about half the time', () => {
  const rounds = 4000
  const flips = Array.from({ length: 32 }, () => new Float64Array(32))
  for (let i = 0; i < rounds; i++) {
    const text = `word${i}`
    const last = text.charCodeAt(text.length - 1)
    for (let bit = 0; bit < 7; bit++) {
      const other = text.slice(0, -1) + String.fromCharCode(last ^ (1 << bit))
      const difference = hashText(text) ^ hashText(other)
      for (let out = 0; out < 32; out++) flips[bit][out] += (difference >>> out) & 1
    }
  }
  for (let bit = 0; bit < 7; bit++)
    for (let out = 0; out < 32; out++) expect(flips[bit][out] / rounds).toBeCloseTo(0.5, 1)
})

test('pairs of 1,000 words collide no more often than chance: 116 expected of a million, at most 170', () => {
  const words = Int32Array.from({ length: 1000 }, (_, i) => hashText(`w${i}`))
  const seen = new Set<number>()
  for (const a of words) for (const b of words) seen.add(combineHashes(a, b))
  expect(1_000_000 - seen.size).toBeLessThan(170)
})

test('order and grouping of a combination count', () => {
  const [a, b, c] = ['a', 'b', 'c'].map(hashText)
  expect(combineHashes(a, b)).not.toBe(combineHashes(b, a))
  expect(combineHashes(combineHashes(a, b), c)).not.toBe(combineHashes(a, combineHashes(b, c)))
})
