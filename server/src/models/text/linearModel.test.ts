import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { softmax } from '../../math/softmax.ts'
import { characterNgrams, createFeatures, LONG, listFeatures, longHash, longShare, UNIGRAM } from './features.ts'
import { fixtureOptions, fixtureWeights, fixtureWords } from './fixtures.ts'
import { decodeLinear, encodeLinear, type LinearWeights, MODEL_FILE } from './linearCodec.ts'
import { createTokens, tokenise, WORD } from './tokens.ts'

/** Any UTF-16 text, lone surrogates and all. */
const utf16 = (maxLength = 20): fc.Arbitrary<string> =>
  fc.array(fc.nat(0xffff), { maxLength }).map((units) => String.fromCharCode(...units))

const texts = ['not a very good film , but great !', "don't :( awful 8/10 soooo bad", 'the #NewDay 😀 :) @you !!']
const three = fixtureWeights(['negative', 'neutral', 'positive'], texts)
const two = fixtureWeights(['no', 'yes'], texts)
const sentence = fc
  .array(fc.oneof(fc.constantFrom(...fixtureWords), fc.string({ maxLength: 5 })))
  .map((words) => words.join(' '))
const modelOf = (weights: LinearWeights): ReturnType<typeof decodeLinear> =>
  decodeLinear({ [MODEL_FILE]: encodeLinear(weights) })

/** The formula of linearModel.ts, written down as slowly as it reads. */
function reference(
  { labels, options, temperature, bias, units, hashes, weights }: LinearWeights,
  text: string,
): Float64Array {
  const index = new Map(Array.from(hashes, (hash, f) => [hash, f]))
  const tokens = tokenise(text, createTokens())
  const features = listFeatures(tokens, options, createFeatures())
  const g = Math.max(1, features.count) ** -options.lengthPower
  const columns = Array.from(bias, (b, k) => {
    const weight = (hash: number): number | undefined => {
      const f = index.get(hash)
      return f === undefined
        ? undefined
        : units[k] * weights[k * hashes.length + f] * Math.abs(weights[k * hashes.length + f])
    }
    const a = longShare(tokens.count, options.long)
    let sum = a * (a > 0 ? (weight(LONG) ?? 0) : 0)
    for (let f = 0; f < features.count; f++) sum += a * (weight(longHash(features.hash[f])) ?? 0)
    for (let f = 0; f < features.count; f++) {
      const t = features.place[f] >> 3
      const own = weight(features.hash[f])
      if (own !== undefined) sum += (1 - a) * own
      else if ((features.place[f] & 7) === UNIGRAM && (tokens.flags[t] & WORD) !== 0 && options.characters !== null) {
        const { min, max } = options.characters
        for (const ngram of characterNgrams(tokens.units, tokens.unitStart[t], tokens.unitEnd[t], min, max, []))
          sum += (1 - a) * (weight(ngram) ?? 0)
      }
    }
    return (b + g * sum) / temperature
  })
  return softmax(labels.length === 2 ? [-columns[0] / 2, columns[0] / 2] : columns)
}

test.each([
  ['two', two],
  ['three', three],
] as const)('a model of %s labels says what its formula says', (_, weights) => {
  const model = modelOf(weights)
  fc.assert(
    fc.property(sentence, (text) => {
      const expected = reference(weights, text)
      const { probabilities, label } = model.score(text)
      probabilities.forEach((p, k) => expect(p).toBeCloseTo(expected[k], 12))
      expect(probabilities[label]).toBe(Math.max(...probabilities))
    }),
  )
})

test('a text scores the same, bit for bit, whatever was scored before it', () => {
  const model = modelOf(three)
  fc.assert(
    fc.property(sentence, sentence, (before, text) => {
      const first = model.score(text)
      model.score(before)
      expect(model.score(text)).toEqual(first)
      expect(modelOf(three).score(text)).toEqual(first)
    }),
    { numRuns: 30 },
  )
})

test('unknown words are counted each time, known ones and marks never', () => {
  const model = modelOf(fixtureWeights(['no', 'yes'], ['good'], { ...fixtureOptions, characters: null }))
  expect(model.score('good film good film !!')).toMatchObject({ tokens: 4, unknown: 2 })
  expect(model.score('')).toMatchObject({ tokens: 0, unknown: 0 })
})

test('an unknown word is worth its character n-grams', () => {
  const model = modelOf(three)
  expect(model.score('goodish').probabilities).not.toEqual(model.score('').probabilities)
})

test('any UTF-16 text gets probabilities that sum to one', () => {
  const model = modelOf(three)
  fc.assert(
    fc.property(utf16(), (text) => {
      const { probabilities, tokens, unknown } = model.score(text)
      return Math.abs(probabilities.reduce((a, b) => a + b) - 1) < 1e-12 && unknown <= tokens
    }),
  )
})

test('a text without a word has the probabilities of the biases', () => {
  const model = modelOf(three)
  expect([...model.score(' \n').probabilities]).toEqual([
    ...softmax(Array.from(three.bias, (b) => b / three.temperature)),
  ])
})
