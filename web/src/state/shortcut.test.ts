import { expect, test } from 'vitest'
import { isShortcut, type Press } from './shortcut.ts'

const press = (over: Partial<Press> = {}): Press => ({
  key: 'j',
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  defaultPrevented: false,
  target: { closest: () => null },
  ...over,
})

test('a bare key on the page is a shortcut', () => {
  expect(isShortcut(press())).toBe(true)
  expect(isShortcut(press({ target: null }))).toBe(true)
})

test('typing, modifiers and presses that somebody took are not', () => {
  expect(isShortcut(press({ target: { closest: () => ({}) } }))).toBe(false)
  expect(isShortcut(press({ ctrlKey: true }))).toBe(false)
  expect(isShortcut(press({ metaKey: true }))).toBe(false)
  expect(isShortcut(press({ defaultPrevented: true }))).toBe(false)
})
