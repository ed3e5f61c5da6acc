import { expect, test } from 'vitest'
import { fitted, paint, shown, table } from './style.ts'

test('our colours are colours, those of a text from elsewhere are shown', () => {
  expect(shown(`${paint(true, 'red', 'bad')} \u001b[31mfine\u001b[0m`)).toBe(
    '\u001b[31mbad\u001b[39m \\u001b[31mfine\\u001b[0m',
  )
  expect(shown(paint(true, 'red', 'a\u001b[8mb'))).toBe('\u001b[31ma\\u001b[8mb\u001b[39m')
})

test('a cell of a table is one line, and as wide as it is shown', () => {
  const lines = shown(
    table(
      ['name', 'n>'],
      [
        ['a\nb\u001b[2J', '1'],
        [paint(true, 'green', 'c'), '22'],
      ],
      false,
    ),
  ).split('\n')
  expect(lines).toEqual(['name           n', 'a b\\u001b[2J   1', '\u001b[32mc\u001b[39m             22'])
})

test('a line is cut where it is too long for the terminal, not where its colours make it long', () => {
  const line = paint(true, 'bold', 'one two')
  expect(fitted(line, 7)).toBe(line)
  expect(fitted(line, 3)).toBe('one')
})
