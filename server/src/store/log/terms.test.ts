import fc from 'fast-check'
import { expect, test } from 'vitest'
import { terms } from './terms.ts'

test.each([
  ['two words', ['two', 'words']],
  ['"a phrase" word', ['a phrase', 'word']],
  ['"never closed', ['never closed']],
  ['  ', []],
  ['""', []],
  ['- * ! "…"', []],
  ["don't -stop a:b", ["don't", '-stop', 'a:b']],
])('%j asks for %j', (words, expected) => {
  expect(terms(words)).toEqual(expected)
})

test('no term has a quote in it, whatever was typed', () => {
  fc.assert(
    fc.property(fc.string(), (words) => {
      expect(terms(words).every((term) => !term.includes('"'))).toBe(true)
    }),
  )
})
