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
import { findAllWeights, findWeights, squared, type WeightTable } from './weightTable.ts'

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

/** Where the weights of a text's features are, and the hashes of their long forms; both grow with the longest text. */
let placesScratch = new Int32Array(4096)
let longScratch = new Int32Array(4096)

/** Sets `sums` to Σ q·|q| over the features, short and long forms by their share; says whether a word had no weight. */
function addAllWeights(
  tokens: Tokens,
  features: Features,
  share: number,
  parameters: LinearParameters,
  sums: Float64Array,
): boolean {
  sums.fill(0)
  if (share === 0) return addWeights(tokens, features, parameters, sums)
  const long = new Float64Array(sums.length)
  const unknown = addLongWeights(tokens, features, parameters.table, long)
  if (share < 1) addWeights(tokens, features, parameters, sums)
  for (let k = 0; k < sums.length; k++) sums[k] = (1 - share) * sums[k] + share * long[k]
  return unknown
}

/** The same sum over the long forms, and the constant feature of long texts. */
function addLongWeights(
  tokens: Tokens,
  { hash, place, count }: Features,
  table: WeightTable,
  sums: Float64Array,
): boolean {
  const { bytes, columns } = table
  if (longScratch.length < count) longScratch = new Int32Array(count * 2)
  for (let f = 0; f < count; f++) longScratch[f] = longHash(hash[f])
  const places = placesOf(table, longScratch, count)
  let unknown = false
  for (let f = 0; f < count; f++) {
    const at = places[f]
    if (at >= 0) for (let k = 0; k < columns; k++) sums[k] += squared(bytes[at + k])
    else if ((place[f] & 7) === UNIGRAM && (tokens.flags[place[f] >> 3] & WORD) !== 0) unknown = true
  }
  const constant = findWeights(table, LONG)
  if (constant >= 0) for (let k = 0; k < columns; k++) sums[k] += squared(bytes[constant + k])
  return unknown
}

/** Adds q·|q| of every feature to `sums`; says whether a word had no weight of its own. */
function addWeights(
  tokens: Tokens,
  { hash, place, count }: Features,
  parameters: LinearParameters,
  sums: Float64Array,
): boolean {
  const table = parameters.table
  const { bytes, columns } = table
  const characters = parameters.options.characters !== null
  const places = placesOf(table, hash, count)
  let unknown = false
  for (let f = 0; f < count; f++) {
    const at = places[f]
    if (at >= 0) {
      for (let k = 0; k < columns; k++) sums[k] += squared(bytes[at + k])
    } else if ((place[f] & 7) === UNIGRAM) {
      const t = place[f] >> 3
      if ((tokens.flags[t] & WORD) === 0) continue
      unknown = true
      if (characters) addCharacters(tokens, t, parameters, sums)
    }
  }
  return unknown
}

function placesOf(table: WeightTable, hashes: Int32Array, count: number): Int32Array {
  if (placesScratch.length < count) placesScratch = new Int32Array(count * 2)
  findAllWeights(table, hashes, count, placesScratch)
  return placesScratch
}

/** How many word tokens, repetitions and all, the table does not know. */
function unknownWords(tokens: Tokens, share: number, table: WeightTable): number {
  let unknown = 0
  for (let t = 0; t < tokens.count; t++) {
    if ((tokens.flags[t] & WORD) === 0) continue
    const hash = tokens.hash[t]
    const known = (share < 1 && findWeights(table, hash) >= 0) || (share > 0 && findWeights(table, longHash(hash)) >= 0)
    if (!known) unknown++
  }
  return unknown
}
