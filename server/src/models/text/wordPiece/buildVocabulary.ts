/**
 * A WordPiece vocabulary out of counted words: byte-pair merges by frequency, on characters.
 *
 * Every word begins as its characters, those after the first marked as continuing (`##`). Again and again the pair of
 * neighbours that occurs most often, over all words by their counts, becomes one piece (Sennrich, Haddow & Birch 2016,
 * algorithm 1), as the trainers of huggingface/tokenizers do for WordPiece; the original (Schuster & Nakajima 2012)
 * merged by likelihood, and its code was never published. The same counts give the same vocabulary: of pairs that occur
 * equally often, the one whose pieces are older wins.
 */

export interface VocabularyOptions {
  /** Tokens in all, the special ones and the alphabet among them. */
  readonly size: number
  /** A pair that occurs less often is not merged. */
  readonly countMin: number
  /** Characters that get a token of their own, the most frequent ones; a word with any other is unknown as a whole. */
  readonly alphabetMax: number
}

/** In BERT's order; their ids are 0 … 4. */
export const specialTokens = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const

/** What continues a word begins so. */
export const CONTINUES = '##'

/** Of code points; the tokeniser takes a longer word for unknown. */
const WORD_CHARS_MAX = 100

/** @returns tokens in the order of their ids */
export function buildVocabulary(counts: ReadonlyMap<string, number>, options: VocabularyOptions): string[] {
  const alphabet = alphabetOf(counts, options.alphabetMax)
  const [first, later] = placesOf(counts)
  const tokens: string[] = [
    ...specialTokens,
    ...alphabet.filter((one) => first.has(one)),
    ...alphabet.filter((one) => later.has(one)).map((one) => CONTINUES + one),
  ]
  const ids = new Map(tokens.map((token, id) => [token, id]))
  const words = wordsOf(counts, ids)
  const pairs = countPairs(words)
  while (tokens.length < options.size) {
    const best = pairs.takeBest()
    if (best === null || best.count < options.countMin) break
    const [left, right] = [tokens[best.left], tokens[best.right]]
    const joined = left + right.slice(CONTINUES.length)
    // Two ways to cut can spell one piece (a+##bc and ab+##c); it is one token all the same.
    const id = ids.get(joined) ?? tokens.length
    if (id === tokens.length) {
      tokens.push(joined)
      ids.set(joined, id)
    }
    pairs.merge(best, id)
  }
  return tokens
}

/** The most frequent characters, in the order of code points. */
function alphabetOf(counts: ReadonlyMap<string, number>, most: number): string[] {
  const characters = new Map<string, number>()
  for (const [word, count] of counts) {
    for (const one of word) characters.set(one, (characters.get(one) ?? 0) + count)
  }
  const byCode = (a: string, b: string): number => (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0)
  return [...characters]
    .sort(([a, countA], [b, countB]) => countB - countA || byCode(a, b))
    .slice(0, most)
    .map(([one]) => one)
    .sort(byCode)
}

/** Which characters begin a word, and which continue one. */
function placesOf(counts: ReadonlyMap<string, number>): readonly [ReadonlySet<string>, ReadonlySet<string>] {
  const first = new Set<string>()
  const later = new Set<string>()
  for (const word of counts.keys()) {
    let place = first
    for (const one of word) {
      place.add(one)
      place = later
    }
  }
  return [first, later]
}

interface Word {
  /** Ids of its pieces from left to right; shortened in place as they merge. */
  readonly pieces: number[]
  readonly count: number
}

/** In a fixed order, so that nothing depends on that of the map. */
function wordsOf(counts: ReadonlyMap<string, number>, ids: ReadonlyMap<string, number>): Word[] {
  const words: Word[] = []
  for (const [word, count] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const characters = Array.from(word)
    if (characters.length > WORD_CHARS_MAX) continue
    const pieces = characters.map((one, i) => ids.get(i === 0 ? one : CONTINUES + one) ?? -1)
    if (pieces.length > 1 && !pieces.includes(-1)) words.push({ pieces, count })
  }
  return words
}

interface Pair {
  readonly left: number
  readonly right: number
  readonly count: number
}

/** A pair as one number: ids stay far below 2²⁶. */
const SHIFT = 2 ** 26

/** All pairs of neighbours with their counts, kept up to date while pieces merge. */
function countPairs(words: readonly Word[]) {
  const counts = new Map<number, number>()
  /** Where a pair has been met; some of the words may have lost it since. */
  const places = new Map<number, Set<number>>()
  const queue = newQueue()

  function add(key: number, count: number, word: number): void {
    counts.set(key, (counts.get(key) ?? 0) + count)
    const known = places.get(key)
    if (known) known.add(word)
    else places.set(key, new Set([word]))
  }

  for (const [w, { pieces, count }] of words.entries()) {
    for (let i = 1; i < pieces.length; i++) add(pieces[i - 1] * SHIFT + pieces[i], count, w)
  }
  for (const [key, count] of counts) queue.push(key, count)

  return {
    /** Counts in the queue may be too high by now, never too low. */
    takeBest(): Pair | null {
      for (let top = queue.pop(); top !== null; top = queue.pop()) {
        const count = counts.get(top.key) ?? 0
        if (count === top.count) return { left: Math.floor(top.key / SHIFT), right: top.key % SHIFT, count }
        if (count > 0) queue.push(top.key, count)
      }
      return null
    },

    merge({ left, right }: Pair, id: number): void {
      const merged = left * SHIFT + right
      const touched = new Set<number>()
      for (const w of places.get(merged) ?? []) {
        const { pieces, count } = words[w]
        for (let i = 1; i < pieces.length; i++) counts.set(...less(counts, pieces[i - 1] * SHIFT + pieces[i], count))
        let to = 0
        for (let i = 0; i < pieces.length; i++) {
          const isPair = pieces[i] === left && i + 1 < pieces.length && pieces[i + 1] === right
          pieces[to++] = isPair ? id : pieces[i]
          if (isPair) i++
        }
        pieces.length = to
        for (let i = 1; i < to; i++) {
          const key = pieces[i - 1] * SHIFT + pieces[i]
          add(key, count, w)
          if (pieces[i - 1] === id || pieces[i] === id) touched.add(key)
        }
      }
      places.delete(merged)
      for (const key of touched) queue.push(key, counts.get(key) ?? 0)
    },
  }
}

function less(counts: ReadonlyMap<number, number>, key: number, count: number): [number, number] {
  return [key, (counts.get(key) ?? 0) - count]
}

/** A binary heap: the highest count first, then the lowest key. */
function newQueue() {
  const keys: number[] = []
  const counts: number[] = []
  const isBefore = (i: number, j: number): boolean =>
    counts[i] > counts[j] || (counts[i] === counts[j] && keys[i] < keys[j])
  const swap = (i: number, j: number): void => {
    ;[keys[i], keys[j]] = [keys[j], keys[i]]
    ;[counts[i], counts[j]] = [counts[j], counts[i]]
  }
  return {
    push(key: number, count: number): void {
      let i = keys.push(key) - 1
      counts.push(count)
      for (let up = (i - 1) >> 1; i > 0 && isBefore(i, up); up = (i - 1) >> 1) {
        swap(i, up)
        i = up
      }
    },
    pop(): { readonly key: number; readonly count: number } | null {
      if (keys.length === 0) return null
      const top = { key: keys[0], count: counts[0] }
      swap(0, keys.length - 1)
      keys.pop()
      counts.pop()
      for (let i = 0; ; ) {
        let best = i
        for (const child of [2 * i + 1, 2 * i + 2]) if (child < keys.length && isBefore(child, best)) best = child
        if (best === i) return top
        swap(i, best)
        i = best
      }
    },
  }
}
