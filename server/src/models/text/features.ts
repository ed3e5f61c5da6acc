/**
 * Tokens → features: the distinct n-grams of a text, as hashes.
 *
 * | feature                              | hash                                      |
 * |--------------------------------------|-------------------------------------------|
 * | word a                               | a                                         |
 * | pair a b, triple a b c               | combine(a, b), combine(combine(a, b), c)  |
 * | word a inside a negation             | combine(NEGATION, a)                      |
 * | elongation of a                      | the longer spelling; ELONGATION           |
 * | what the recipe's `extra` finds      | its own                                   |
 *
 * A feature counts once a text (Wang & Manning 2012 and Pang & Lee 2002: presence beats counts for sentiment).
 */
import { combineHashes, finishHash, HASH_PRIME, HASH_SEED, hashText } from '../../math/hash.ts'
import { ELONGATED, FOLDED, NEGATED, PUNCTUATION, type Tokens } from './tokens.ts'

export const NEGATION = hashText('<negated>')
const ELONGATION = hashText('<elongated>')
const CHARACTERS_SEED = hashText('<characters>')
const BOUNDARY = 0x20

/** What a feature stands for, in the low bits of its place. */
export const UNIGRAM = 1
export const BIGRAM = 2
export const TRIGRAM = 3
export const NEGATED_WORD = 4
export const SPELLING = 5
export const EXTRA = 6

/**
 * A long text speaks in its own features: each hash is flipped by this constant, so that one table holds two sets of
 * weights. What a word says in a post of ten words is not what it says in a review of three hundred.
 */
export const LONG = hashText('<long>')

export function longHash(hash: number): number {
  return hash === LONG ? LONG : hash ^ LONG
}

/** From how many tokens a text begins to be long, and from how many it wholly is. */
export interface LongRange {
  readonly from: number
  readonly to: number
}

/** 0 for a short text, 1 for a long one, linear between: no text flips its label because of one more word alone. */
export function longShare(tokens: number, long: LongRange | null): number {
  if (long === null || tokens <= long.from) return 0
  return tokens >= long.to ? 1 : (tokens - long.from) / (long.to - long.from)
}

/** Something that a recipe reads in a text beside its tokens, at a place in the text. */
export interface ExtraFeature {
  readonly name: string
  readonly start: number
  readonly end: number
}

/** Which features a model uses. Part of the artifact: the same text must give the same features in every version. */
export interface FeatureOptions {
  /** 1, 2 or 3: the longest run of tokens that is a feature. */
  readonly words: number
  readonly negation: boolean
  /** Whether plain punctuation is a token of n-grams; without it they reach over it. */
  readonly punctuation: boolean
  /**
   * Numbers of three digits and more, and the digits of longer mixed words, are folded into classes (`<number-3>`, `e000`),
   * so that a number that was never seen has a weight. `both` adds the number as written: classes that differ by their
   * digits alone (404 and 500) can then be learned. Absent: folded.
   */
  readonly numbers?: 'folded' | 'both'
}

/** Distinct features of one text, reused from text to text: only the first `count` entries count. */
export interface Features {
  count: number
  hash: Int32Array
  /** index of the feature's last token · 8 + what it stands for */
  place: Int32Array
  /** Open-addressed set of the hashes seen in this text, in its first `mask + 1` slots; 0 is empty. */
  seen: Int32Array
  mask: number
}

export function createFeatures(featuresMax = 4096): Features {
  return {
    count: 0,
    hash: new Int32Array(featuresMax),
    place: new Int32Array(featuresMax),
    seen: new Int32Array(SEEN_MIN),
    mask: SEEN_MIN - 1,
  }
}

const SEEN_MIN = 1024

/** Every occurrence of every feature counts, not only the first: what explanations need. */
export function listOccurrences(tokens: Tokens, options: FeatureOptions, into: Features): Features {
  return list(tokens, options, into, false)
}

/** Lists the distinct features of `tokens` in the order of their last token. */
export function listFeatures(tokens: Tokens, options: FeatureOptions, into: Features): Features {
  return list(tokens, options, into, true)
}

function list(tokens: Tokens, options: FeatureOptions, into: Features, distinct: boolean): Features {
  const most = tokens.count * (options.words + 3) + 8
  if (into.hash.length < most) {
    into.hash = new Int32Array(2 * most)
    into.place = new Int32Array(2 * most)
  }
  const mask = distinct ? clearSeen(into, most) : -1
  into.count = 0
  const { hash, flags, spelling } = tokens
  const bigrams = options.words > 1
  const trigrams = options.words > 2
  const negation = options.negation
  const skipped = options.punctuation ? 0 : PUNCTUATION
  const marked = NEGATED | ELONGATED | (options.numbers === 'both' ? FOLDED : 0)
  /** The tokens before, and how many there are (at most 2). */
  let a = 0
  let ab = 0
  let before = 0
  for (let t = 0; t < tokens.count; t++) {
    const flag = flags[t]
    if ((flag & skipped) !== 0) continue
    const c = hash[t]
    const place = t << 3
    add(into, mask, c, place | UNIGRAM)
    if (bigrams && before > 0) {
      const bc = combineHashes(a, c)
      add(into, mask, bc, place | BIGRAM)
      if (trigrams && before > 1) add(into, mask, combineHashes(ab, c), place | TRIGRAM)
      ab = bc
    }
    a = c
    if (before < 2) before++
    if ((flag & marked) !== 0) {
      if (negation && (flag & NEGATED) !== 0) add(into, mask, combineHashes(NEGATION, c), place | NEGATED_WORD)
      if ((flag & ELONGATED) !== 0) {
        add(into, mask, ELONGATION, place | SPELLING)
        add(into, mask, spelling[t], place | SPELLING)
      }
      if ((flag & marked & FOLDED) !== 0) add(into, mask, spelling[t], place | SPELLING)
    }
  }
  return into
}

/** Adds what the recipe's `extra` found; the place says which of them. To be called after the list is made. */
export function addExtra(extra: readonly ExtraFeature[], into: Features, distinct = true): void {
  const most = Math.min(extra.length, EXTRA_MAX)
  if (into.hash.length < into.count + most) {
    into.hash = grown(into.hash, into.count + most)
    into.place = grown(into.place, into.count + most)
  }
  for (let e = 0; e < most; e++) {
    add(into, distinct ? into.mask : -1, hashText(`<extra ${extra[e].name}>`), (e << 3) | EXTRA)
  }
}

/** Extras beyond these are not read. */
export const EXTRA_MAX = 64

/**
 * The hashes of the character n-grams of one word between boundaries, `min` to `max` units long:
 * ` good ` → ` go`, `goo`, `ood`, `od `, ` goo`, … They stand in for a word that the model does not know.
 */
export function characterNgrams(
  units: Uint16Array,
  start: number,
  end: number,
  min: number,
  max: number,
  into: number[],
): number[] {
  into.length = 0
  const length = end - start + 2
  for (let from = 0; from + min <= length && from < CHARACTERS_FROM_MAX; from++) {
    let state = HASH_SEED ^ CHARACTERS_SEED
    const last = Math.min(length, from + max)
    for (let k = from; k < last; k++) {
      const unit = k === 0 || k === length - 1 ? BOUNDARY : units[start + k - 1]
      state = Math.imul(state ^ unit, HASH_PRIME)
      if (k - from + 1 >= min) into.push(finishHash(state))
    }
  }
  return into
}

/** Of a longer word only this many starts are read: a pasted megabyte without spaces must stay cheap. */
const CHARACTERS_FROM_MAX = 40

/** The set is at most half full, so that a probe ends soon. */
function clearSeen(into: Features, featuresMax: number): number {
  let size = SEEN_MIN
  while (size < 2 * (featuresMax + EXTRA_MAX)) size *= 2
  if (into.seen.length < size) into.seen = new Int32Array(size)
  else into.seen.fill(0, 0, size)
  into.mask = size - 1
  return into.mask
}

/** With a mask of −1 nothing is looked up: every occurrence is added. */
function add(into: Features, mask: number, hash: number, place: number): void {
  if (mask >= 0) {
    const seen = into.seen
    let slot = hash & mask
    for (let other = seen[slot]; other !== 0; other = seen[slot]) {
      if (other === hash) return
      slot = (slot + 1) & mask
    }
    seen[slot] = hash
  }
  const at = into.count++
  into.hash[at] = hash
  into.place[at] = place
}

function grown(array: Int32Array, size: number): Int32Array {
  const larger = new Int32Array(2 * size)
  larger.set(array)
  return larger
}
