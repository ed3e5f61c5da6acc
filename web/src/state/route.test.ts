import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashOf, pages, parseRoute } from './route.ts'

test('every address leads back to where it came from', () => {
  const word = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
  fc.assert(
    fc.property(
      fc.constantFrom(...pages),
      fc.array(word, { maxLength: 3 }),
      fc.dictionary(word, word, { maxKeys: 3 }),
      (page, path, query) => {
        expect(parseRoute(hashOf(page, path, query))).toEqual({ page, path, query: { ...query } })
      },
    ),
  )
})

test('an unknown or broken address is the first page', () => {
  expect(parseRoute('').page).toBe('try')
  expect(parseRoute('#/nowhere').page).toBe('try')
  expect(parseRoute('#/live/%E0%A4%A').path).toEqual(['%E0%A4%A'])
})
