import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ExplanationTurns } from './explanationTurns.ts'

/** Turns on a clock that only work and pauses move. */
function turnsOnClock() {
  let now = 0
  let workedMs = 0
  const turns = new ExplanationTurns({
    nowMs: () => now,
    pause: (ms) => {
      now += ms
      return Promise.resolve()
    },
  })
  const work = (ms: number) => () => {
    now += ms
    workedMs += ms
  }
  return { turns, work, share: () => workedMs / now }
}

test('explanations have a third of the time at most, whatever each takes, in the order in which they came', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 30 }), async (costs) => {
      const { turns, work, share } = turnsOnClock()
      const order: number[] = []
      await Promise.all(costs.map((ms, i) => turns.turn(work(ms)).then(() => order.push(i))))
      await turns.turn(() => undefined) // after the last rest
      expect(order).toEqual([...costs.keys()])
      expect(share()).toBeLessThanOrEqual(1 / 3 + 1e-9)
    }),
  )
})

test('one that fails fails alone', async () => {
  const { turns } = turnsOnClock()
  const failing = turns.turn(() => {
    throw new Error('of this one')
  })
  const next = turns.turn(() => 'next')
  await expect(failing).rejects.toThrow('of this one')
  expect(await next).toBe('next')
})

test('what is under way is bounded by characters, and returns to zero', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 60_000 }), { maxLength: 400 }), (lengths) => {
      const { turns } = turnsOnClock()
      const places: Disposable[] = []
      let refused = 0
      for (const chars of lengths) {
        try {
          places.push(turns.reserve(chars))
        } catch (error) {
          expect(error).toMatchObject({ code: 'queue_full', retryAfterSeconds: 1 })
          refused++
        }
      }
      expect(turns.chars).toBeLessThanOrEqual(320_000)
      expect(refused === 0 || turns.chars > 320_000 - 60_000).toBe(true)
      for (const place of [...places, ...places]) place[Symbol.dispose]()
      expect(turns.chars).toBe(0)
    }),
  )
})

test('a text that is longer than all that may wait is explained when nothing else is', () => {
  const { turns } = turnsOnClock()
  const place = turns.reserve(1_000_000)
  expect(() => turns.reserve(1)).toThrow(/wait for an explanation/)
  place[Symbol.dispose]()
  turns.reserve(1)
})
