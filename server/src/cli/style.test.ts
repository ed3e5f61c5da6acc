import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { count } from './style.ts'

test('numbers are grouped as Intl groups them', () => {
  fc.assert(
    fc.property(fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.double({ noNaN: true, noInteger: true })), (n) => {
      expect(count(n)).toBe(n.toLocaleString('en-US'))
    }),
  )
})
