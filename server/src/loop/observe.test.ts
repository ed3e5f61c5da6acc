import { expect, test } from 'vitest'
import { rollingWindow, WINDOW_ROWS } from './observe.ts'

const reference = { chars: { mean: 100, std: 40 }, confidence: { mean: 0.8, std: 0.1 } }

function feed(look: (chars: number, confidence: number) => boolean, rows: number, chars: number, confidence: number) {
  let last = false
  for (let i = 0; i < rows; i++) last = look(chars, confidence)
  return last
}

test('a short window is not called drift, however strange its rows', () => {
  expect(feed(rollingWindow(reference), WINDOW_ROWS - 1, 10_000, 0.34)).toBe(false)
})

test('rows like the reference are not drift', () => {
  expect(feed(rollingWindow(reference), 1000, 100, 0.8)).toBe(false)
})

test('longer texts alone, and lower confidence alone, are drift once the window is full', () => {
  expect(feed(rollingWindow(reference), WINDOW_ROWS, 121, 0.8)).toBe(true)
  expect(feed(rollingWindow(reference), WINDOW_ROWS, 100, 0.74)).toBe(true)
  expect(feed(rollingWindow(reference), WINDOW_ROWS, 119, 0.76)).toBe(false)
})

test('drift ends when the window has moved on', () => {
  const look = rollingWindow(reference)
  expect(feed(look, WINDOW_ROWS, 500, 0.8)).toBe(true)
  expect(feed(look, WINDOW_ROWS, 100, 0.8)).toBe(false)
})

test('the sums stay exact over a million rows', () => {
  const look = rollingWindow({ chars: { mean: 3, std: 0 }, confidence: { mean: 2 ** -20 * 349_525, std: 1 } })
  for (let i = 0; i < 1_000_000; i++) look(i % 17, (i % 1000) / 1000)
  expect(feed(look, WINDOW_ROWS, 3, 1 / 3)).toBe(false)
})

test('without a reference nothing is drift', () => {
  expect(feed(rollingWindow(null), 1000, 9, 0.1)).toBe(false)
})
