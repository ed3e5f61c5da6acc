import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { fixtureWeights } from './fixtures.ts'
import { decodeLinear, encodeLinear, MODEL_FILE, readLinear } from './linearCodec.ts'

const weights = fixtureWeights(['neg\u00e4tiv', 'neutral', '😀'], ['not a very good film , but great !', 'so bad'])
const bytes = encodeLinear(weights)

test('what is written is what is read', () => {
  expect(readLinear(bytes)).toEqual(weights)
})

test('hashes from one end of the range to the other survive', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(
        fc.integer().filter((h) => h !== 0),
        { maxLength: 60 },
      ),
      (hashes) => {
        const sorted = Int32Array.from(hashes.sort((a, b) => (a >>> 0) - (b >>> 0)))
        const model = { ...weights, hashes: sorted, weights: new Int8Array(3 * sorted.length).fill(-7) }
        expect(readLinear(encodeLinear(model))).toEqual(model)
      },
    ),
  )
})

test('a file cut short anywhere is refused with a sentence that names it', () => {
  for (let length = 0; length < bytes.length; length += length < 400 ? 1 : 7) {
    expect(() => readLinear(bytes.subarray(0, length))).toThrow(MODEL_FILE)
  }
})

test('a file that goes on after its end is refused', () => {
  expect(() => readLinear(new Uint8Array([...bytes, 0]))).toThrow('goes on')
})

test('any change of bytes gives a model or an Error with a sentence, never anything else', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      (changes) => {
        const changed = bytes.slice()
        for (const [at, value] of changes) changed[at] = value
        try {
          expect(decodeLinear({ [MODEL_FILE]: changed }).score('not good').probabilities).toHaveLength(3)
        } catch (error) {
          expect((error as Error).message).toContain(MODEL_FILE) // whatever is thrown here has a message, or the test fails
        }
      },
    ),
    { numRuns: 2000 },
  )
})

test('garbage, nothing at all, and a missing file are refused', () => {
  expect(() => decodeLinear({})).toThrow('missing')
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (garbage) => {
      expect(() => readLinear(garbage)).toThrow(MODEL_FILE)
    }),
  )
})

test('a model that needs a reader which this version lacks is refused', () => {
  const strange = encodeLinear({ ...weights, options: { ...weights.options, extra: 'from-the-future' } })
  expect(() => decodeLinear({ [MODEL_FILE]: strange })).toThrow('from-the-future')
})

test('bytes that lie within a larger buffer, as Node reads small files, are read from their own place', () => {
  const larger = Buffer.concat([Buffer.alloc(1000, 7), bytes])
  expect(readLinear(larger.subarray(1000))).toEqual(weights)
})
