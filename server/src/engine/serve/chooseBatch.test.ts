import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type BatchLimits, chooseBatch, type Waiting } from './chooseBatch.ts'

const limits: BatchLimits = { paddedTokensMax: 2000, rowsMax: 8, tokensEnough: 300, paddingTokensMax: 12 }
const text = (length: number, rest: Partial<Waiting> = {}): Waiting => ({
  length,
  model: 1,
  packed: false,
  bulk: false,
  again: false,
  ...rest,
})
const anyText = fc
  .record({
    length: fc.integer({ min: 3, max: 512 }),
    model: fc.integer({ min: 1, max: 2 }),
    bulk: fc.boolean(),
    again: fc.boolean(),
  })
  .map((text) => ({ ...text, packed: text.model === 2 }))

test('every batch holds the oldest text, keeps all limits, and has one model', () => {
  fc.assert(
    fc.property(
      fc.array(anyText, { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 20 }),
      (waiting, share) => {
        const chosen = chooseBatch(waiting, share, limits)
        const texts = chosen.map((i) => waiting[i])
        const alone = waiting.findIndex(({ bulk }) => !bulk)
        expect(chosen).toContain(alone === -1 ? 0 : alone)
        expect(new Set(chosen).size).toBe(chosen.length)
        expect(new Set(texts.map(({ model }) => model)).size).toBe(1)
        const lengths = texts.map(({ length }) => length)
        expect(lengths).toEqual(lengths.toSorted((a, b) => a - b))
        const padded = chosen.length * (lengths.at(-1) ?? 0)
        const tokens = lengths.reduce((sum, length) => sum + length, 0)
        if (!texts[0].packed) expect(padded - tokens).toBeLessThanOrEqual(limits.paddingTokensMax * (chosen.length - 1))
        if (chosen.length > 1) {
          expect(texts[0].packed ? tokens : padded).toBeLessThanOrEqual(limits.tokensEnough)
          expect(padded).toBeLessThanOrEqual(limits.paddedTokensMax)
          expect(chosen.length).toBeLessThanOrEqual(Math.min(share, limits.rowsMax))
          expect(texts.some(({ again }) => again)).toBe(false)
        }
      },
    ),
  )
})

test('texts of one length go together until there are tokens enough', () => {
  const waiting = Array.from({ length: 20 }, () => text(60))
  expect(chooseBatch(waiting, 20, limits)).toHaveLength(5)
  expect(chooseBatch(waiting, 3, limits)).toEqual([0, 1, 2])
})

test('a long text does not make short ones wait, nor short ones a long one', () => {
  expect(chooseBatch([text(200), text(20), text(21)], 3, limits)).toEqual([0])
  expect(chooseBatch([text(20), text(200), text(21)], 3, limits)).toEqual([0, 2])
  expect(chooseBatch([text(400), text(400)], 2, limits)).toEqual([0])
})

test('of a packed model, texts of any length go together while they are short; long ones mind each other', () => {
  const packed = (length: number) => text(length, { packed: true })
  expect(chooseBatch([packed(20), packed(70), packed(45), packed(30)], 4, limits)).toEqual([0, 3, 2, 1])
  expect(chooseBatch([text(20), text(70), text(45), text(30)], 4, limits)).toEqual([0, 3])
  // 40 rows of padding in a row of 290 cost as much as 11.6 tokens, 60 as much as 17.4.
  const wide = { ...limits, tokensEnough: 1000 }
  expect(chooseBatch([packed(250), packed(290)], 2, wide)).toEqual([0, 1])
  expect(chooseBatch([packed(230), packed(290)], 2, wide)).toEqual([0])
})

test('texts that came alone pass those of a bulk', () => {
  expect(chooseBatch([text(40, { bulk: true }), text(42)], 1, limits)).toEqual([1])
  expect(chooseBatch([text(40, { bulk: true }), text(41, { bulk: true })], 2, limits)).toEqual([0, 1])
})

test('nothing comes of nothing', () => {
  expect(chooseBatch([], 4, limits)).toEqual([])
})
