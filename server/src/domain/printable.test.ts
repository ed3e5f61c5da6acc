import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { printable, printableLine } from './printable.ts'

test.each([
  ['\u001b[31mred\u001b[0m', '\\u001b[31mred\\u001b[0m'],
  ['\u001b]0;title\u0007', '\\u001b]0;title\\u0007'],
  ['\u009b2J', '\\u009b2J'],
  ['done\rFAILED', 'done\\u000dFAILED'],
  ['a\u202egpj.exe', 'a\\u202egpj.exe'],
  ['x\u2066y\u2069\u200f', 'x\\u2066y\\u2069\\u200f'],
  ['\u007f\u0000', '\\u007f\\u0000'],
])('%j is shown, not acted on', (text, shown) => {
  expect(printable(text)).toBe(shown)
})

test('what people write stays as it is: lines, tabs, families of emoji, joiners of Persian', () => {
  for (const text of ['a\n\tb', '👩‍👩‍👧', 'می\u200cخواهم', 'Zażółć', '日本語']) expect(printable(text)).toBe(text)
})

test('JSON stays the same JSON, and a line one line', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0x2100 })), (units) => {
      const text = String.fromCharCode(...units)
      const shown = printable(JSON.stringify({ text }))
      expect(JSON.parse(shown)).toEqual({ text })
      // oxlint-disable-next-line no-control-regex -- control characters are what it is about
      expect(printableLine(text)).not.toMatch(/[\0-\x1f\x7f-\x9f\u2028-\u202e]/)
    }),
  )
})
