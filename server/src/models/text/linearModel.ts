/**
 * The linear n-gram text classifier, ready to score.
 *
 *   zₖ = (bₖ + g · Σ_f v_fk) / T      f over the distinct features of the text
 *   g  = n^−p                         n = number of distinct features (any, known or not), at least 1
 *   probabilities = softmax(z)
 *
 * A text that is long by the share a (0 … 1) sums (1 − a) · v over its features and a · v' over the same features in
 * their long form, and adds the constant feature LONG. Character n-grams belong to the short form alone.
 *
 * v: weights [features × labels], b: biases, T: calibration temperature, p: length power (½ makes g the L2 norm of a
 * binary vector). Two labels share one column m: z = (−m/2, +m/2). A word without a weight of its own is the sum of
 * its character n-grams, where the model has them.
 */
import { softmax } from '../../math/softmax.ts'
import type { Explanation, Scored, TextModel } from '../textModel.ts'
import { explainLinear } from './explainLinear.ts'
import {
  addExtra,
  createFeatures,
  type Features,
  LONG,
  listFeatures,
  longHash,
  longShare,
  UNIGRAM,
} from './features.ts'
import { addCharacters, type LinearParameters, lengthScale } from './linearParameters.ts'
import { createTokens, type Tokens, tokenise, WORD } from './tokens.ts'
import { addWeights, createSought, findWeights, squared, type WeightTable } from './weightTable.ts'

export interface LinearModel extends TextModel {
  readonly parameters: LinearParameters
}

export function linearModel(parameters: LinearParameters): LinearModel {
  const { labels, options, table, bias, units, temperature, readExtra } = parameters
  const tokens = createTokens()
  const features = createFeatures()
  const sums = new Float64Array(table.columns)
  const logits = new Float64Array(labels.length)

  function score(text: string): Scored {
    tokenise(text, tokens)
    listFeatures(tokens, options, features)
    if (readExtra !== null) addExtra(readExtra(text), features)
    const share = longShare(tokens.count, options.long)
    const unknown = addAllWeights(tokens, features, share, parameters, sums)
    const g = lengthScale(features.count, options.lengthPower)
    if (labels.length === 2) {
      const half = (bias[0] + g * units[0] * sums[0]) / temperature / 2
      logits[0] = -half
      logits[1] = half
    } else {
      for (let k = 0; k < labels.length; k++) logits[k] = (bias[k] + g * units[k] * sums[k]) / temperature
    }
    const probabilities = softmax(logits)
    let label = 0
    for (let k = 1; k < labels.length; k++) if (probabilities[k] > probabilities[label]) label = k
    return { label, probabilities, tokens: tokens.words, unknown: unknown ? unknownWords(tokens, share, table) : 0 }
  }

  return { labels, parameters, score, explain: (text: string): Explanation => explainLinear(text, parameters) }
}

/** The hashes of the long forms; grows with the longest text. */
let longScratch = new Int32Array(4096)
const sought = createSought()

/**
 * Words that a text has and the table lacks, by the lowest bits of their hashes: what is not marked is known, so that
 * only a few words need to be looked up again to count their repetitions.
 */
const absentWords = new Uint8Array(1024)
const ABSENT_MASK = absentWords.length - 1

/** Sets `sums` to Σ q·|q| over the features, short and long forms by their share; says whether a word had no weight. */
function addAllWeights(
  tokens: Tokens,
  features: Features,
  share: number,
  parameters: LinearParameters,
  sums: Float64Array,
): boolean {
  sums.fill(0)
  if (share === 0) return addShortWeights(tokens, features, parameters, sums)
  const long = new Float64Array(sums.length)
  const unknown = addLongWeights(tokens, features, parameters.table, long)
  if (share < 1) addShortWeights(tokens, features, parameters, sums)
  for (let k = 0; k < sums.length; k++) sums[k] = (1 - share) * sums[k] + share * long[k]
  return unknown
}

/** The same sum over the long forms, and the constant feature of long texts. */
function addLongWeights(tokens: Tokens, features: Features, table: WeightTable, sums: Float64Array): boolean {
  const { hash, count } = features
  if (longScratch.length < count) longScratch = new Int32Array(count * 2)
  for (let f = 0; f < count; f++) longScratch[f] = longHash(hash[f])
  const missing = addWeights(table, longScratch, count, sums, sought)
  const constant = findWeights(table, LONG)
  if (constant >= 0) for (let k = 0; k < table.columns; k++) sums[k] += squared(table.bytes[constant + k])
  return markAbsentWords(tokens, features, missing)
}

/** Adds q·|q| of every feature to `sums`; says whether a word had no weight of its own. */
function addShortWeights(
  tokens: Tokens,
  features: Features,
  parameters: LinearParameters,
  sums: Float64Array,
): boolean {
  const missing = addWeights(parameters.table, features.hash, features.count, sums, sought)
  const unknown = markAbsentWords(tokens, features, missing)
  if (unknown && parameters.options.characters !== null)
    for (let m = 0; m < missing; m++) {
      const place = features.place[sought.absent[m]]
      if (isWord(tokens, place)) addCharacters(tokens, place >> 3, parameters, sums)
    }
  return unknown
}

/** Marks the words among the first `missing` of `sought.absent`; says whether there is one. */
function markAbsentWords(tokens: Tokens, { hash, place }: Features, missing: number): boolean {
  let unknown = false
  for (let m = 0; m < missing; m++) {
    const f = sought.absent[m]
    if (!isWord(tokens, place[f])) continue
    absentWords[hash[f] & ABSENT_MASK] = 1
    unknown = true
  }
  return unknown
}

function isWord(tokens: Tokens, place: number): boolean {
  return (place & 7) === UNIGRAM && (tokens.flags[place >> 3] & WORD) !== 0
}

/** How many word tokens, repetitions and all, the table does not know. */
function unknownWords(tokens: Tokens, share: number, table: WeightTable): number {
  let unknown = 0
  for (let t = 0; t < tokens.count; t++) {
    const hash = tokens.hash[t]
    if (absentWords[hash & ABSENT_MASK] === 0 || (tokens.flags[t] & WORD) === 0) continue
    const known = (share < 1 && findWeights(table, hash) >= 0) || (share > 0 && findWeights(table, longHash(hash)) >= 0)
    if (!known) unknown++
  }
  absentWords.fill(0)
  return unknown
}
