/**
 * Why the linear model says what it says: exactly, because it is a sum.
 *
 * An n-gram's contribution goes to its tokens in equal parts. That is its Shapley value: the n-gram counts only where
 * all its tokens are there (a unanimity game), so none of them is worth more than another (Shapley 1953). A negated
 * word shares with its negator. A feature that occurs several times counts once; its occurrences share alike.
 */
import type { Explanation, FeatureContribution, SpanContribution } from '../textModel.ts'
import {
  addExtra,
  BIGRAM,
  createFeatures,
  EXTRA,
  type ExtraFeature,
  LONG,
  listFeatures,
  listOccurrences,
  longHash,
  longShare,
  NEGATED_WORD,
  SPELLING,
  TRIGRAM,
  UNIGRAM,
} from './features.ts'
import { addCharacters, type LinearParameters, lengthScale } from './linearParameters.ts'
import { isNegator } from './negationWords.ts'
import { createTokens, FOLDED, PUNCTUATION, type Tokens, tokenise, WORD } from './tokens.ts'
import { findWeights, squared } from './weightTable.ts'

/** The strongest n-grams that an explanation lists. */
const FEATURES_MAX = 50

export function explainLinear(text: string, parameters: LinearParameters): Explanation {
  const { labels, options, table, units, temperature, readExtra } = parameters
  const tokens = tokenise(text, createTokens(text.length))
  const extra = readExtra === null ? [] : readExtra(text)
  const distinct = listFeatures(tokens, options, createFeatures())
  addExtra(extra, distinct)
  const g = lengthScale(distinct.count, options.lengthPower)
  const share = longShare(tokens.count, options.long)
  const all = listOccurrences(tokens, options, createFeatures())
  addExtra(extra, all, false)

  const times = new Map<number, number>()
  for (let f = 0; f < all.count; f++) times.set(all.hash[f], (times.get(all.hash[f]) ?? 0) + 1)

  const perToken = new Float64Array(Math.max(tokens.count, 1) * labels.length)
  const found = new Map<number, FeatureContribution>()
  const sums = new Float64Array(table.columns)
  for (let f = 0; f < all.count; f++) {
    const place = all.place[f]
    const kind = place & 7
    weigh(tokens, all.hash[f], place, share, parameters, sums)
    if (sums.every((sum) => sum === 0)) continue
    const contributions = perLabel(sums, g / temperature, units, labels.length)
    const sharers = tokensOf(kind, place >> 3, tokens, extra, options.punctuation)
    const part = 1 / ((times.get(all.hash[f]) ?? 1) * sharers.length)
    for (const t of sharers)
      for (let k = 0; k < labels.length; k++) perToken[t * labels.length + k] += contributions[k] * part
    if (!found.has(all.hash[f]))
      found.set(all.hash[f], describe(text, kind, place >> 3, sharers, tokens, extra, contributions))
  }

  const spans = spansOf(text, tokens, perToken, labels.length)
  const biases = biasesOf(g, share, parameters)
  const logits = biases.map((b, k) => spans.reduce((total, span) => total + span.contributions[k], b))
  const features = [...found.values()]
    .sort((a, b) => strength(b) - strength(a) || a.start - b.start)
    .slice(0, FEATURES_MAX)
  return { logits, bias: biases, spans, features }
}

/** Σ q·|q| of one feature, in its short and long form by their share. */
function weigh(
  tokens: Tokens,
  hash: number,
  place: number,
  share: number,
  parameters: LinearParameters,
  sums: Float64Array,
): void {
  const { table } = parameters
  sums.fill(0)
  if (share < 1) {
    const at = findWeights(table, hash)
    const t = place >> 3
    if (at >= 0) for (let k = 0; k < table.columns; k++) sums[k] = squared(table.bytes[at + k])
    else if ((place & 7) === UNIGRAM && (tokens.flags[t] & WORD) !== 0) addCharacters(tokens, t, parameters, sums)
  }
  if (share === 0) return
  const at = findWeights(table, longHash(hash))
  for (let k = 0; k < table.columns; k++) {
    sums[k] = (1 - share) * sums[k] + (at < 0 ? 0 : share * squared(table.bytes[at + k]))
  }
}

/** The biases, with the constant feature of long texts. */
function biasesOf(g: number, share: number, { bias, units, temperature, table, labels }: LinearParameters): number[] {
  const at = share > 0 ? findWeights(table, LONG) : -1
  const whole = bias.map((b, k) => b + (at < 0 ? 0 : g * units[k] * share * squared(table.bytes[at + k])))
  return perLabel(whole, 1 / temperature, undefined, labels.length)
}

/** One number a column → one a label; two labels share a margin. */
function perLabel(columns: Float64Array, scale: number, units: Float64Array | undefined, labels: number): number[] {
  const scaled = Array.from(columns, (column, k) => column * scale * (units?.[k] ?? 1))
  return labels === 2 ? [-scaled[0] / 2, scaled[0] / 2] : scaled
}

/** The tokens that make up a feature whose last one is `last`. */
function tokensOf(
  kind: number,
  last: number,
  tokens: Tokens,
  extra: readonly ExtraFeature[],
  punctuation: boolean,
): number[] {
  const skipped = punctuation ? 0 : PUNCTUATION
  const before = (t: number): number => {
    let back = t - 1
    while ((tokens.flags[back] & skipped) !== 0) back--
    return back
  }
  switch (kind) {
    case BIGRAM:
      return [before(last), last]
    case TRIGRAM:
      return [before(before(last)), before(last), last]
    case NEGATED_WORD: {
      let negator = last - 1
      while (negator > 0 && !isNegator(tokens.hash[negator])) negator--
      return [Math.max(negator, 0), last]
    }
    case EXTRA:
      return tokensWithin(extra[last], tokens)
    default:
      return [last]
  }
}

/** The tokens that an extra feature covers, or else the one nearest before it. */
function tokensWithin({ start, end }: ExtraFeature, tokens: Tokens): number[] {
  const within: number[] = []
  let nearest = 0
  for (let t = 0; t < tokens.count; t++) {
    if (tokens.start[t] < end && tokens.end[t] > start) within.push(t)
    if (tokens.start[t] <= start) nearest = t
  }
  return within.length > 0 ? within : [nearest]
}

function describe(
  text: string,
  kind: number,
  last: number,
  sharers: readonly number[],
  tokens: Tokens,
  extra: readonly ExtraFeature[],
  contributions: readonly number[],
): FeatureContribution {
  if (kind === EXTRA) {
    const { name, start, end } = extra[last]
    return { feature: name, start, end, contributions }
  }
  const words = sharers.map((t) => text.slice(tokens.start[t], tokens.end[t]).toLowerCase())
  const start = tokens.start[sharers[0]]
  const end = tokens.end[last]
  if (kind === NEGATED_WORD) return { feature: words.join(' … '), start, end, contributions }
  if (kind !== SPELLING) return { feature: words.join(' '), start, end, contributions }
  const form = (tokens.flags[last] & FOLDED) === 0 ? 'elongated' : 'as written'
  return { feature: `${words[0]} (${form})`, start, end, contributions }
}

function spansOf(text: string, tokens: Tokens, perToken: Float64Array, labels: number): SpanContribution[] {
  const spans: SpanContribution[] = []
  for (let t = 0; t < Math.max(tokens.count, 1); t++) {
    const contributions = Array.from(perToken.subarray(t * labels, (t + 1) * labels))
    if (contributions.every((c) => c === 0)) continue
    // A text without tokens can still have extra features: they belong to all of it.
    const [start, end] = tokens.count === 0 ? [0, text.length] : [tokens.start[t], tokens.end[t]]
    spans.push({ start, end, contributions })
  }
  return spans
}

function strength(feature: FeatureContribution): number {
  return Math.max(...feature.contributions.map(Math.abs))
}
