import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareIds } from './feed.ts'

const epoch = fc.stringMatching(/^[0-9a-z]{1,12}$/)
const number = fc.integer({ min: 1, max: 2 ** 40 })

test('within an epoch the next number is next, a lower one was seen, and a higher one leaves a gap', () => {
  fc.assert(
    fc.property(epoch, number, number, (of, last, id) => {
      const expected = id <= last ? 'seen' : id === last + 1 ? 'next' : 'gap'
      expect(compareIds(`${of}-${last}`, `${of}-${id}`)).toBe(expected)
      expect(compareIds(`${of}-${last}`, `${of}-${last + 1}`)).toBe('next')
    }),
  )
})

test('before the first event, without an id and after a new start of the server, nothing is known to be missing', () => {
  expect(compareIds('', 'a-7')).toBe('next')
  expect(compareIds('a-7', '')).toBe('next')
  expect(compareIds('a-7', 'b-1')).toBe('next')
})
