/** A small made-up model for the tests of this folder: real features, weights from a seeded generator. */
import { seededRandom } from '../../math/random.ts'
import {
  addExtra,
  characterNgrams,
  createFeatures,
  type ExtraFeature,
  LONG,
  listFeatures,
  longHash,
} from './features.ts'
import type { LinearWeights } from './linearCodec.ts'
import type { LinearOptions } from './linearParameters.ts'
import { createTokens, tokenise, WORD } from './tokens.ts'

export const fixtureOptions: LinearOptions = {
  words: 3,
  negation: true,
  punctuation: false,
  characters: { min: 3, max: 4 },
  lengthPower: 0.5,
  long: { from: 6, to: 12 },
  extra: null,
}

/** Words of which the model knows some as words and some only by their character n-grams. */
export const fixtureWords =
  "good bad not film great awful but the a very n't don't soooo :) :( ! !! , . 😀 8/10 strange unheard #NewDay @you".split(
    ' ',
  )

/** Weights for every feature of `texts`, but for every third word. */
export function fixtureWeights(
  labels: readonly string[],
  texts: readonly string[],
  options: LinearOptions = fixtureOptions,
  extra: readonly ExtraFeature[] = [],
): LinearWeights {
  const random = seededRandom(3)
  const columns = labels.length === 2 ? 1 : labels.length
  const tokens = createTokens()
  const known = new Set<number>()
  const ngrams: number[] = []
  for (const text of texts) {
    tokenise(text, tokens)
    const features = listFeatures(tokens, options, createFeatures())
    addExtra(extra, features)
    for (let f = 0; f < features.count; f++) {
      if (f % 3 !== 2) known.add(features.hash[f])
      if (f % 4 !== 2) known.add(longHash(features.hash[f]))
    }
    known.add(LONG)
    if (options.characters === null) continue
    const { min, max } = options.characters
    for (let t = 0; t < tokens.count; t++) {
      if ((tokens.flags[t] & WORD) === 0) continue
      for (const ngram of characterNgrams(tokens.units, tokens.unitStart[t], tokens.unitEnd[t], min, max, ngrams))
        known.add(ngram)
    }
  }
  const hashes = Int32Array.from([...known].sort((a, b) => (a >>> 0) - (b >>> 0)))
  return {
    labels,
    options,
    temperature: 0.8,
    bias: Float64Array.from({ length: columns }, () => random() - 0.5),
    units: Float64Array.from({ length: columns }, () => 1e-4 * (1 + random())),
    hashes,
    weights: Int8Array.from({ length: columns * hashes.length }, () => Math.floor(255 * random()) - 127),
  }
}
