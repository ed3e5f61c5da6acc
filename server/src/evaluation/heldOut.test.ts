import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { isHeldOut } from './heldOut.ts'

test('texts that differ only in case and white space are on one side', () => {
  const word = fc.constantFrom('a', 'B', 'ç', 'c!', '1')
  const gap = fc.constantFrom(' ', '\n', '\t ', '\u00a0')
  const spellings = fc.array(word, { minLength: 1, maxLength: 4 }).chain((words) =>
    fc.tuple(
      fc.constant(words.join(' ')),
      fc.array(gap, { minLength: words.length, maxLength: words.length }).map((gaps) => {
        return words.map((one, i) => `${gaps[i]}${one.toUpperCase()}`).join('')
      }),
    ),
  )
  fc.assert(
    fc.property(spellings, fc.double({ min: 0, max: 1, noNaN: true }), ([text, spelledAnew], share) => {
      expect(isHeldOut(spelledAnew, share)).toBe(isHeldOut(text, share))
    }),
  )
})

test('a text that is held out of a share is held out of every larger one', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true })
  fc.assert(
    fc.property(fc.string(), share, share, (text, a, b) => {
      if (isHeldOut(text, Math.min(a, b))) expect(isHeldOut(text, Math.max(a, b))).toBe(true)
    }),
  )
})

test('each label gets its share, to the chance of drawing it: within 4.5 standard errors', () => {
  for (const share of [0.02, 0.1, 0.5]) {
    for (const [first, step, count] of [
      [0, 10, 3000],
      [1, 1, 27_000],
    ]) {
      let heldOut = 0
      for (let i = 0; i < count; i++) if (isHeldOut(`row number ${first + step * i}`, share)) heldOut++
      expect(Math.abs(heldOut - count * share)).toBeLessThan(4.5 * Math.sqrt(count * share * (1 - share)))
    }
  }
})

test('another salt is another split, independent of the first', () => {
  const texts = Array.from({ length: 20_000 }, (_, i) => `t${i}`)
  const both = texts.filter((text) => isHeldOut(text, 0.2, 'one') && isHeldOut(text, 0.2, 'two')).length
  expect(Math.abs(both - 800)).toBeLessThan(4.5 * Math.sqrt(20_000 * 0.04 * 0.96))
})
