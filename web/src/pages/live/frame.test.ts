import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFrame } from './frame.ts'

function bench(itemsMax: number) {
  const flushed: (readonly [readonly number[], number])[] = []
  let due: (() => void) | null = null
  let asked = 0
  const frame = createFrame<number>((items, dropped) => flushed.push([items, dropped]), itemsMax, {
    next: (act) => {
      due = act
      return ++asked
    },
    cancel: () => {
      due = null
    },
  })
  const draw = () => {
    const act = due
    due = null
    act?.()
  }
  return { frame, draw, flushed, asked: () => asked }
}

test('a frame gets all that came since the last one, in order, in one call', () => {
  const { frame, draw, flushed, asked } = bench(100)
  for (let i = 0; i < 30; i++) frame.push(i)
  draw()
  draw()
  expect(flushed).toEqual([[Array.from({ length: 30 }, (_, i) => i), 0]])
  expect(asked()).toBe(1)
})

test('past its limit it keeps the newest and says how many went', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(200), (itemsMax, pushes) => {
      const { frame, draw, flushed } = bench(itemsMax)
      for (let i = 0; i < pushes; i++) frame.push(i)
      draw()
      const [items, dropped] = flushed[0] ?? [[], 0]
      expect(items.length + dropped).toBe(pushes)
      expect(items).toEqual(
        Array.from({ length: Math.min(pushes, itemsMax) }, (_, i) => Math.max(0, pushes - itemsMax) + i),
      )
    }),
  )
})

test('stopped, it hands over nothing more', () => {
  const { frame, draw, flushed } = bench(10)
  frame.push(1)
  frame.stop()
  draw()
  expect(flushed).toEqual([])
})
