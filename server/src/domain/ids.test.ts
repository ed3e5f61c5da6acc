import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isUuidv7, uuidv7Source } from './ids.ts'

const millis = fc.integer({ min: 0, max: 2 ** 48 - 10_000 })
const word = fc.integer({ min: 0, max: 2 ** 32 - 1 })

test('an id is a UUIDv7 that carries its millisecond', () => {
  fc.assert(
    fc.property(millis, word, (at, random) => {
      const id = uuidv7Source(
        () => at,
        () => random,
      )()
      expect(isUuidv7(id)).toBe(true)
      expect(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toBe(at)
    }),
  )
})

test('ids of one source ascend whatever the clock does', () => {
  fc.assert(
    fc.property(
      fc.array(millis, { minLength: 2, maxLength: 50 }),
      fc.array(word, { minLength: 1 }),
      (clock, randoms) => {
        let tick = 0
        let draw = 0
        const next = uuidv7Source(
          () => clock[tick++ % clock.length],
          () => randoms[draw++ % randoms.length],
        )
        let before = next()
        for (let i = 0; i < clock.length; i++) {
          const id = next()
          expect(id > before).toBe(true)
          before = id
        }
      },
    ),
  )
})

test('ten thousand ids within one millisecond are distinct and ascend', () => {
  const next = uuidv7Source(
    () => 1_800_000_000_000,
    () => 7,
  )
  const ids = Array.from({ length: 10_000 }, next)
  expect(new Set(ids).size).toBe(10_000)
  expect([...ids].sort()).toEqual(ids)
})
