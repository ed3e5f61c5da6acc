import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { buildVocabulary, specialTokens } from './buildVocabulary.ts'

const options = { size: 60, countMin: 2, alphabetMax: 100 }
const counted = fc
  .dictionary(fc.stringMatching(/^[abc]{1,8}$/), fc.integer({ min: 1, max: 50 }), { minKeys: 1, maxKeys: 12 })
  .map((words) => new Map(Object.entries(words)))

/** The same by the book: all pairs are counted anew before every merge. */
function slowly(counts: ReadonlyMap<string, number>, size: number, countMin: number): string[] {
  const characters = (place: (index: number) => boolean): string[] => {
    const found = [...counts.keys()].flatMap((word) => Array.from(word).filter((_, i) => place(i)))
    return [...new Set(found)].sort()
  }
  const tokens = [...specialTokens, ...characters((i) => i === 0), ...characters((i) => i > 0).map((one) => `##${one}`)]
  const words = [...counts].map(([word, count]) => ({
    pieces: Array.from(word, (one, i) => (i === 0 ? one : `##${one}`)),
    count,
  }))
  while (tokens.length < size) {
    const pairs = new Map<string, { left: string; right: string; count: number }>()
    for (const { pieces, count } of words) {
      for (let i = 1; i < pieces.length; i++) {
        const [left, right] = [pieces[i - 1], pieces[i]]
        const pair = pairs.get(`${left} ${right}`) ?? { left, right, count: 0 }
        pairs.set(`${left} ${right}`, { ...pair, count: pair.count + count })
      }
    }
    const age = (token: string): number => tokens.indexOf(token)
    const [best] = [...pairs.values()].sort(
      (a, b) => b.count - a.count || age(a.left) - age(b.left) || age(a.right) - age(b.right),
    )
    if (best === undefined || best.count < countMin) return tokens
    const joined = best.left + best.right.slice(2)
    if (!tokens.includes(joined)) tokens.push(joined)
    for (const { pieces } of words) {
      for (let i = 1; i < pieces.length; i++) {
        if (pieces[i - 1] === best.left && pieces[i] === best.right) pieces.splice(i - 1, 2, joined)
      }
    }
  }
  return tokens
}

test('every merge is that of the pair that occurs most often, the older one of equals', () => {
  fc.assert(
    fc.property(counted, fc.integer({ min: 12, max: 60 }), (counts, size) => {
      expect(buildVocabulary(counts, { ...options, size })).toEqual(slowly(counts, size, options.countMin))
    }),
  )
})

test('the order in which the words were counted does not matter', () => {
  fc.assert(
    fc.property(counted, (counts) => {
      const other = new Map([...counts].reverse())
      expect(buildVocabulary(other, options)).toEqual(buildVocabulary(counts, options))
    }),
  )
})

test('no token comes twice, and the special ones come first', () => {
  fc.assert(
    fc.property(counted, (counts) => {
      const tokens = buildVocabulary(counts, options)
      expect(new Set(tokens).size).toBe(tokens.length)
      expect(tokens.slice(0, 5)).toEqual([...specialTokens])
    }),
  )
})

test('rare characters get no token, and neither do the words that have them', () => {
  const counts = new Map([
    ['good', 100],
    ['go☃d', 3],
  ])
  const tokens = buildVocabulary(counts, { ...options, alphabetMax: 3 })
  expect(tokens).toContain('good')
  expect(tokens.some((token) => token.includes('☃'))).toBe(false)
})

test('the tokens are those of the trainer of huggingface/tokenizers, and their merges in the same order', () => {
  const golden = JSON.parse(
    readFileSync(new URL('../../../../test/golden/fit/wordPiece.json', import.meta.url), 'utf8'),
  ) as { words: Record<string, number>; tokens: string[] } // wordPiece.py wrote it
  const counts = new Map(Object.entries(golden.words))
  const tokens = buildVocabulary(counts, { size: golden.tokens.length, countMin: 2, alphabetMax: 1000 })
  const isMerge = (token: string): boolean => token.replace('##', '').length > 1
  expect(tokens.filter(isMerge)).toEqual(golden.tokens.filter(isMerge))
  expect(tokens.toSorted()).toEqual(golden.tokens.toSorted())
})
