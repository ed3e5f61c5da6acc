import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { combineHashes, hashText } from '../../math/hash.ts'
import {
  addExtra,
  characterNgrams,
  createFeatures,
  EXTRA_MAX,
  type FeatureOptions,
  listFeatures,
  listOccurrences,
  NEGATION,
} from './features.ts'
import { createTokens, tokenise } from './tokens.ts'

const all: FeatureOptions = { words: 3, negation: true, punctuation: false }

function features(text: string, options: FeatureOptions = all): number[] {
  const list = listFeatures(tokenise(text, createTokens()), options, createFeatures())
  return [...list.hash.subarray(0, list.count)]
}

const word = hashText
const run = (...words: string[]): number => words.map(hashText).reduce(combineHashes)

test('words, pairs and triples are features', () => {
  expect(new Set(features('a very good film'))).toEqual(
    new Set([
      ...['a', 'very', 'good', 'film'].map(word),
      run('a', 'very'),
      run('very', 'good'),
      run('good', 'film'),
      run('a', 'very', 'good'),
      run('very', 'good', 'film'),
    ]),
  )
  expect(features('a b c', { ...all, words: 1 })).toEqual(['a', 'b', 'c'].map(word))
})

test('a feature counts once, however often it occurs', () => {
  expect(features('good good good good')).toEqual([word('good'), run('good', 'good'), run('good', 'good', 'good')])
})

test('n-grams reach over plain punctuation where the recipe leaves it out, and hold it where it does not', () => {
  expect(features('good, film')).toEqual(features('good film'))
  expect(features('good, film', { ...all, punctuation: true })).toContain(run('good', ',', 'film'))
})

test('a negated word is a feature beside the word', () => {
  expect(features('not good')).toContain(combineHashes(NEGATION, word('good')))
  expect(features('not good', { ...all, negation: false })).not.toContain(combineHashes(NEGATION, word('good')))
})

test('an elongated word has its longer spelling as a feature, too', () => {
  expect(features('goooood')).toContain(word('good'))
  expect(features('sooooo')).toContain(word('so'))
})

test('the list is the set of the occurrences, whatever the text and whatever came before', () => {
  const reused = createFeatures(4)
  fc.assert(
    fc.property(fc.array(fc.constantFrom('good', 'bad', 'not', '.', 'soooo', '😀', 'film')), (words) => {
      const tokens = tokenise(words.join(' '), createTokens())
      const list = listFeatures(tokens, all, reused)
      const distinct = [...list.hash.subarray(0, list.count)]
      const every = listOccurrences(tokens, all, createFeatures())
      expect(new Set(distinct)).toEqual(new Set(every.hash.subarray(0, every.count)))
      expect(distinct.length).toBe(new Set(distinct).size)
    }),
  )
})

test('character n-grams are those of the word between two spaces', () => {
  const units = Uint16Array.from('good', (c) => c.charCodeAt(0))
  expect(characterNgrams(units, 0, 4, 3, 5, [])).toHaveLength(4 + 3 + 2)
  expect(characterNgrams(units, 0, 4, 3, 3, [])).toEqual(
    characterNgrams(units, 0, 4, 3, 4, []).filter((_, i) => i % 2 === 0 || i === 6),
  )
  const longest = new Uint16Array(100_000).fill(97)
  expect(characterNgrams(longest, 0, longest.length, 3, 5, []).length).toBeLessThan(200)
})

test('extra features are read up to a limit and counted once', () => {
  const list = listFeatures(tokenise('a', createTokens()), all, createFeatures(1))
  const extra = Array.from({ length: 3 * EXTRA_MAX }, (_, i) => ({ name: `x${i >> 1}`, start: 0, end: 1 }))
  addExtra(extra, list)
  expect(list.count).toBe(1 + EXTRA_MAX / 2)
})
