/** One shard of the training rows, as features: made by any worker, always the same. */
import { combineHashes, hashText } from '../../../math/hash.ts'
import { extras } from '../../../models/text/extras.ts'
import {
  addExtra,
  characterNgrams,
  createFeatures,
  LONG,
  listFeatures,
  longHash,
  longShare,
  NEGATED_WORD,
  NEGATION,
  UNIGRAM,
} from '../../../models/text/features.ts'
import { type LinearOptions, lengthScale } from '../../../models/text/linearParameters.ts'
import type { LexiconGroup } from '../../../models/text/recipe.ts'
import { createTokens, tokenise, WORD } from '../../../models/text/tokens.ts'

/** Rows a shard. Fixed, so that the result does not depend on how many workers share the shards. */
export const SHARD_ROWS = 512

export interface Shard {
  /** [rows + 1] where each row's features begin in `hash` */
  readonly rowStart: Uint32Array
  /** [features of all rows] */
  readonly hash: Int32Array
  /** [rows] the length scale g of each row */
  readonly scale: Float64Array
  /** [rows] 1 where the row's features are in their long form */
  readonly long: Uint8Array
  /** [types] words (plain or negated) that have attributes, in order of appearance */
  readonly typeHash: Int32Array
  /** [types + 1] */
  readonly typeStart: Uint32Array
  /** [attributes of all types] lexicon groups and character n-grams */
  readonly attribute: Int32Array
}

/** What a word belongs to, by its hash: the hashes of its lexicon groups. */
export type LexiconIndex = ReadonlyMap<number, readonly number[]>

/** Group hashes of every lexicon word, plain and negated. Entries that are not exactly one token are left out. */
export function indexLexicon(groups: readonly LexiconGroup[]): LexiconIndex {
  const index = new Map<number, number[]>()
  const tokens = createTokens()
  for (const { name, words } of groups) {
    const plain = hashText(`<lexicon ${name}>`)
    const negated = hashText(`<lexicon negated ${name}>`)
    for (const word of words) {
      tokenise(word, tokens)
      if (tokens.count !== 1) continue
      const hash = tokens.hash[0]
      addTo(index, hash, plain)
      addTo(index, combineHashes(NEGATION, hash), negated)
    }
  }
  return index
}

function addTo(index: Map<number, number[]>, hash: number, group: number): void {
  const groups = index.get(hash)
  if (groups === undefined) index.set(hash, [group])
  else if (!groups.includes(group)) groups.push(group)
}

/** @param asShort [texts] 1 where a text is read in its short form, however long it is */
export function makeShard(
  texts: readonly string[],
  options: LinearOptions,
  lexicon: LexiconIndex,
  asShort: Uint8Array,
): Shard {
  const tokens = createTokens()
  const features = createFeatures()
  const readExtra = options.extra === null ? null : extras[options.extra]
  const hash = growing()
  const typeHash = growing()
  const typeStart = growing()
  const attribute = growing()
  const rowStart = new Uint32Array(new SharedArrayBuffer(4 * (texts.length + 1)))
  const scale = new Float64Array(new SharedArrayBuffer(8 * texts.length))
  const longRows = new Uint8Array(new SharedArrayBuffer(texts.length))
  const known = new Set<number>()
  const ngrams: number[] = []
  const attributes = options.characters !== null || lexicon.size > 0
  for (const [row, text] of texts.entries()) {
    tokenise(text, tokens)
    listFeatures(tokens, options, features)
    if (readExtra !== null) addExtra(readExtra(text), features)
    const long = asShort[row] === 0 && longShare(tokens.count, options.long) >= 0.5
    if (long) {
      longRows[row] = 1
      for (let f = 0; f < features.count; f++) features.hash[f] = longHash(features.hash[f])
      hash.add(LONG)
    }
    hash.push(features.hash, features.count)
    rowStart[row + 1] = hash.length
    scale[row] = lengthScale(features.count, options.lengthPower)
    if (!attributes || long) continue
    for (let f = 0; f < features.count; f++) {
      const kind = features.place[f] & 7
      const h = features.hash[f]
      if ((kind !== UNIGRAM && kind !== NEGATED_WORD) || known.has(h)) continue
      known.add(h)
      const t = features.place[f] >> 3
      const before = attribute.length
      for (const group of lexicon.get(h) ?? []) attribute.add(group)
      if (options.characters !== null && kind === UNIGRAM && (tokens.flags[t] & WORD) !== 0) {
        const { min, max } = options.characters
        for (const ngram of characterNgrams(tokens.units, tokens.unitStart[t], tokens.unitEnd[t], min, max, ngrams)) {
          attribute.add(ngram)
        }
      }
      if (attribute.length === before) continue
      typeHash.add(h)
      typeStart.add(before)
    }
  }
  typeStart.add(attribute.length)
  return {
    rowStart,
    hash: hash.shared(),
    scale,
    long: longRows,
    typeHash: typeHash.shared(),
    typeStart: new Uint32Array(typeStart.shared().buffer),
    attribute: attribute.shared(),
  }
}

interface Growing {
  readonly length: number
  add(value: number): void
  push(values: Int32Array, count: number): void
  /** What was added, in memory that workers share. */
  shared(): Int32Array
}

function growing(): Growing {
  let values = new Int32Array(1 << 12)
  let length = 0
  const reserve = (more: number): void => {
    if (length + more <= values.length) return
    const larger = new Int32Array(2 * (length + more))
    larger.set(values)
    values = larger
  }
  return {
    get length() {
      return length
    },
    add(value) {
      reserve(1)
      values[length++] = value
    },
    push(more, count) {
      reserve(count)
      values.set(more.subarray(0, count), length)
      length += count
    },
    shared() {
      const out = new Int32Array(new SharedArrayBuffer(4 * length))
      out.set(values.subarray(0, length))
      return out
    },
  }
}
