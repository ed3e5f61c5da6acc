import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { softmax } from '../../math/softmax.ts'
import { explainLinear } from './explainLinear.ts'
import { fixtureOptions, fixtureWeights, fixtureWords } from './fixtures.ts'
import { decodeLinear, encodeLinear, MODEL_FILE } from './linearCodec.ts'
import { linearModel } from './linearModel.ts'
import type { LinearParameters } from './linearParameters.ts'

/** Any UTF-16 text, lone surrogates and all. */
const utf16 = (maxLength = 20): fc.Arbitrary<string> =>
  fc.array(fc.nat(0xffff), { maxLength }).map((units) => String.fromCharCode(...units))

const texts = ['not a very good film , but great !', "don't :( awful 8/10 soooo bad", 'the #NewDay 😀 :) @you !!']
const level = { name: 'level', start: 0, end: 6 }
const readExtra = (text: string): { name: string; start: number; end: number }[] =>
  text.startsWith('<4>') ? [level] : []

function parametersOf(labels: readonly string[]): LinearParameters {
  const weights = fixtureWeights(labels, texts, fixtureOptions, [level])
  return { ...decodeLinear({ [MODEL_FILE]: encodeLinear(weights) }).parameters, readExtra }
}

const models = [parametersOf(['no', 'yes']), parametersOf(['negative', 'neutral', 'positive'])]
const sentence = fc
  .tuple(fc.constantFrom('', '<4>'), fc.array(fc.oneof(fc.constantFrom(...fixtureWords), utf16(5))))
  .map(([start, words]) => `${start}${words.join(' ')}`)

test('bias and spans add up to the logits, and the logits are those of the score', () => {
  for (const parameters of models) {
    const model = linearModel(parameters)
    fc.assert(
      fc.property(sentence, (text) => {
        const { logits, bias, spans } = explainLinear(text, parameters)
        logits.forEach((logit, k) => {
          const sum = spans.reduce((total, span) => total + span.contributions[k], bias[k])
          const size = Math.abs(bias[k]) + spans.reduce((total, span) => total + Math.abs(span.contributions[k]), 0)
          expect(Math.abs(sum - logit)).toBeLessThanOrEqual(1e-9 * size)
        })
        const { probabilities } = model.score(text)
        softmax(logits).forEach((p, k) => expect(p).toBeCloseTo(probabilities[k], 9))
      }),
    )
  }
})

test('spans lie in the text, ascending, without overlap', () => {
  fc.assert(
    fc.property(sentence, (text) => {
      let at = 0
      for (const { start, end } of explainLinear(text, models[1]).spans) {
        expect(start).toBeGreaterThanOrEqual(at)
        expect(end).toBeGreaterThan(start)
        at = end
      }
      expect(at).toBeLessThanOrEqual(text.length)
    }),
  )
})

test('the words of an n-gram, and the places where one occurs, share alike', () => {
  const weights = fixtureWeights(['no', 'yes'], ['good film'], {
    ...fixtureOptions,
    words: 1,
    characters: null,
    negation: false,
  })
  const { parameters } = decodeLinear({ [MODEL_FILE]: encodeLinear(weights) })
  const { spans } = explainLinear('good x good', parameters)
  expect(spans).toHaveLength(2)
  expect(spans[0].contributions).toEqual(spans[1].contributions)
})

test('features are the strongest first, at most fifty, in words that were in the text', () => {
  const text = `${texts.join(' ')} `.repeat(30)
  const { features } = explainLinear(text, models[1])
  const strengths = features.map(({ contributions }) => Math.max(...contributions.map(Math.abs)))
  expect(strengths).toEqual(strengths.toSorted((a, b) => b - a))
  expect(features.length).toBeLessThanOrEqual(50)
  expect(features.some(({ feature }) => feature.startsWith('not … '))).toBe(true)
})
