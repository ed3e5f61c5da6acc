/**
 * Text → tokens, in one pass over its UTF-16 code units, without making a string.
 *
 * This is the one place that says what a text looks like to the models:
 *
 * | in the text                                | becomes                                                            |
 * |--------------------------------------------|--------------------------------------------------------------------|
 * | letters and digits                         | a word, case-folded; other marks separate words                    |
 * | n't, don't, dont, do n't, cannot           | `do` + `n't`, `can` + `not`: raw and treebank style meet           |
 * | it's, we're, it 's                         | `it` + `'s`, `we` + `'re`                                          |
 * | words after a negator (not, no, never, n't …) | are marked negated: the next 3, or up to a stop or `but`        |
 * | soooo, loooove                             | `so`, `love`, remembered as elongated, with `soo`, `loove` beside it |
 * | 7, 42, 8/10, 3.5                           | as written; longer numbers become one class for each length        |
 * | eth0, gr8, ab12cd34                        | up to 3 units as written; longer: each digit becomes 0             |
 * | ! !! ? ?? ?! …                             | a token each                                                       |
 * | . , ; : " ( ) - and other ASCII marks      | plain punctuation: a token for a run of one, marked as such        |
 * | :) :-( ;D =/ <3                            | one token for each mood of emoticon                                |
 * | emoji                                      | a token for each code point; skin tones, joiners, selectors dropped |
 * | #BestDayEver                               | `best`, `day`, `ever`                                              |
 * | @name, http://…, www.…                     | `<user>`, `<url>`                                                  |
 * | <br />, other tags, -lrb-, &amp;           | nothing                                                            |
 * | Han, Hiragana, Katakana                    | a token for each character                                         |
 *
 * It never throws, takes linear time, and gives each token its place in the text as it was sent. A lone surrogate
 * is a separator.
 */
import { finishHash, HASH_PRIME, HASH_SEED, hashText, hashUnits } from '../../math/hash.ts'
import {
  APOSTROPHE,
  asciiClass,
  asciiFold,
  classOf,
  DIGIT,
  fold,
  IDEOGRAPH,
  INVISIBLE,
  isAstralLetter,
  isModifier,
  LETTER,
  MARK,
  PICTOGRAPH,
  STOP,
  SURROGATE,
} from './characters.ts'
import { emoticonAt, emoticonToken, emoticonUnits } from './emoticons.ts'
import {
  endOfEntity,
  endOfHump,
  endOfMarkup,
  endOfName,
  endOfRun,
  isAsciiDigit,
  isJoint,
  isName,
  isNt,
  isTreebankBracket,
  isUrl,
  lowerAt,
} from './lookAhead.ts'
import { CANNOT, CONTRAST, NEGATOR, roleOf } from './negationWords.ts'

/** The token has units in `units`: it is a word, and has character n-grams. */
export const WORD = 1
export const NEGATED = 2
export const ELONGATED = 4
/** Plain punctuation, which not every recipe looks at. */
export const PUNCTUATION = 8
/** Its digits are folded: `spelling` has the hash of the number as written. */
export const FOLDED = 16
const WORD_NEGATED = WORD | NEGATED

/** How many words a negator reaches. Measured on SST dev: 2 to 4 are alike; longer scopes lose. */
const NEGATION_WORDS = 3

/** Tokens of one text, reused from text to text: only the first `count` entries count. */
export interface Tokens {
  count: number
  /** How many of them are words. */
  words: number
  /** Units used so far in `units`. */
  used: number
  /** How many more words the last negator reaches. */
  negation: number
  hash: Int32Array
  /** UTF-16 offsets into the text; ascending, `end` exclusive, no overlaps. */
  start: Int32Array
  end: Int32Array
  flags: Uint8Array
  /** Hash of the longer spelling of an elongated word, of a folded number as written; 0 for the others. */
  spelling: Int32Array
  /** Where the token's normalised units lie in `units`; empty for tokens that are not words. */
  unitStart: Int32Array
  unitEnd: Int32Array
  units: Uint16Array
}

export function createTokens(textUnitsMax = 2048): Tokens {
  // A unit of text makes at most one token; the scan may look one unit ahead.
  const size = textUnitsMax + 2
  return {
    count: 0,
    words: 0,
    used: 0,
    negation: 0,
    hash: new Int32Array(size),
    start: new Int32Array(size),
    end: new Int32Array(size),
    flags: new Uint8Array(size),
    spelling: new Int32Array(size),
    unitStart: new Int32Array(size),
    unitEnd: new Int32Array(size),
    units: new Uint16Array(2 * size),
  }
}

const NT = hashText("n't")
const NT_UNITS = [0x6e, 0x27, 0x74] as const
const NOT = hashText('not')
const NOT_UNITS = [0x6e, 0x6f, 0x74] as const
const URL_TOKEN = hashText('<url>')
const USER_TOKEN = hashText('<user>')
/** [digits] one class for all numbers of that many digits. */
const NUMBERS = Int32Array.from({ length: 8 }, (_, digits) => hashText(`<number-${digits}>`))

/** Reads `text` into `into`, which grows as needed and is given back. */
export function tokenise(text: string, into: Tokens): Tokens {
  const n = text.length
  if (into.hash.length < n + 2) Object.assign(into, createTokens(Math.max(n, 2 * into.hash.length)))
  into.count = into.words = into.used = into.negation = 0
  let tagEnd = 0
  let i = 0
  while (i < n) {
    const c = text.charCodeAt(i)
    switch (c < 128 ? asciiClass[c] : classOf(c)) {
      case LETTER:
      case DIGIT:
        i = readWord(text, i, i < tagEnd ? endOfHump(text, i, tagEnd) : n, into)
        break
      case STOP:
        i = readStop(text, i, into)
        break
      case APOSTROPHE:
        i = readClitic(text, i, into)
        break
      case MARK:
        if (c === 0x23 && i >= tagEnd) tagEnd = endOfName(text, i + 1)
        i = readMark(text, i, c, into)
        break
      case IDEOGRAPH:
      case PICTOGRAPH:
      case SURROGATE:
        i = readSymbol(text, i, into)
        break
      default:
        i++
    }
  }
  return into
}

/** Adds one token whose units are those from `base` on; gives back its index. */
function push(into: Tokens, hash: number, start: number, end: number, flags: number, base: number): number {
  const at = into.count++
  into.hash[at] = hash
  into.start[at] = start
  into.end[at] = end
  into.flags[at] = flags
  into.spelling[at] = 0
  into.unitStart[at] = base
  into.unitEnd[at] = into.used
  into.words += flags & WORD
  return at
}

/** A run of letters and digits from `from`, at most up to `limit`; gives back where the scan goes on. */
function readWord(text: string, from: number, limit: number, into: Tokens): number {
  const units = into.units
  const base = into.used
  let used = base
  let i = from
  let state = HASH_SEED
  let stateBefore = HASH_SEED
  let previous = 0
  let repeats = 0
  let elongated = false
  /** 1: has letters; 2: has digits. */
  let seen = 0
  while (i < limit) {
    const raw = text.charCodeAt(i++)
    let unit: number
    if (raw < 128) {
      unit = asciiFold[raw]
      if (unit === 0) {
        i--
        break
      }
      seen |= unit < 58 ? 2 : 1
    } else {
      const wide = classOf(raw)
      if (wide === INVISIBLE) continue
      if (wide !== LETTER && wide !== DIGIT) {
        i--
        break
      }
      unit = fold(raw)
      seen |= wide === DIGIT ? 2 : 1
    }
    if (unit === previous) {
      if (++repeats === 2) elongated = true
    } else {
      repeats = 0
      previous = unit
    }
    units[used++] = unit
    stateBefore = state
    state = Math.imul(state ^ unit, HASH_PRIME)
  }
  into.used = used
  if (seen !== 1) return seen === 2 ? pushNumber(text, from, i, limit, base, into) : pushMixed(from, i, base, into)

  const word = finishHash(state)
  const next = i < text.length ? text.charCodeAt(i) : 0
  if (next === 0x27 || next >= 128) {
    if (previous === 0x6e && isNt(text, i)) {
      into.used--
      return pushNegated(finishHash(stateBefore), from, i - 1, i + 2, base, NT, NT_UNITS, into)
    }
  } else if (isUrl(text, word, i, next)) {
    i = endOfRun(text, i)
    into.used = base
    push(into, URL_TOKEN, from, i, 0, base)
    return i
  }
  if (elongated) pushElongated(from, i, base, into)
  else pushWord(word, from, i, base, into)
  return i
}

/** An ordinary word; the words that steer the negation scope, and those that hide a negator, are found by their hash. */
function pushWord(word: number, from: number, to: number, base: number, into: Tokens): void {
  const role = roleOf(word)
  if (role === 0 || role === CONTRAST) {
    if (role === CONTRAST) into.negation = 0
    if (into.negation === 0) push(into, word, from, to, WORD, base)
    else {
      into.negation--
      push(into, word, from, to, WORD_NEGATED, base)
    }
  } else if (role === NEGATOR) {
    push(into, word, from, to, WORD, base)
    into.negation = NEGATION_WORDS
  } else {
    const hidden = role === CANNOT ? 3 : 2
    into.used -= hidden
    const stem = hashUnits(into.units, base, into.used)
    if (role === CANNOT) pushNegated(stem, from, to - hidden, to, base, NOT, NOT_UNITS, into)
    else pushNegated(stem, from, to - hidden, to, base, NT, NT_UNITS, into)
  }
}

/** Two tokens from one run of letters: a stem [from, cut) that may be empty, and its negator [cut, to). */
function pushNegated(
  stem: number,
  from: number,
  cut: number,
  to: number,
  base: number,
  negator: number,
  negatorUnits: readonly number[],
  into: Tokens,
): number {
  if (into.used > base) push(into, stem, from, cut, into.negation > 0 ? WORD_NEGATED : WORD, base)
  const own = into.used
  for (const unit of negatorUnits) into.units[into.used++] = unit
  push(into, negator, cut, to, WORD, own)
  into.negation = NEGATION_WORDS
  return to
}

/** soooo → `so`, with `soo` as its other spelling: one of the two is a word (so, love; good, feel). */
function pushElongated(from: number, to: number, base: number, into: Tokens): void {
  const twice = squeeze(into.units, base, into.used, 2)
  const longer = hashUnits(into.units, base, twice)
  into.used = squeeze(into.units, base, twice, 1)
  pushWord(hashUnits(into.units, base, into.used), from, to, base, into)
  into.spelling[into.count - 1] = longer
  into.flags[into.count - 1] |= ELONGATED
}

/** Words of letters and digits: short ones as written (gr8, b4), longer ones with each digit as 0 (ab12 → ab00). */
function pushMixed(from: number, to: number, base: number, into: Tokens): number {
  const units = into.units
  if (into.used - base <= 3) {
    pushWord(hashUnits(units, base, into.used), from, to, base, into)
    return to
  }
  const written = hashUnits(units, base, into.used)
  for (let k = base; k < into.used; k++) if (units[k] >= 48 && units[k] <= 57) units[k] = 48
  pushWord(hashUnits(units, base, into.used), from, to, base, into)
  into.spelling[into.count - 1] = written
  into.flags[into.count - 1] |= FOLDED
  return to
}

/** 7, 42, 8/10, 3.5 as written (they may be ratings); longer numbers are one class for each count of digits. */
function pushNumber(text: string, from: number, to: number, limit: number, base: number, into: Tokens): number {
  let end = to
  let joints = 0
  let commas = 0
  while (end + 1 < limit && isJoint(text.charCodeAt(end)) && isAsciiDigit(text.charCodeAt(end + 1))) {
    joints++
    if (text.charCodeAt(end) === 0x2c) commas++
    end += 2
    while (end < limit && isAsciiDigit(text.charCodeAt(end))) end++
  }
  const length = end - from
  into.used = base
  let state = HASH_SEED
  for (let k = from; k < end; k++) state = Math.imul(state ^ text.charCodeAt(k), HASH_PRIME)
  const written = finishHash(state)
  if (length <= 2 || (joints > 0 && commas === 0 && length <= 6)) push(into, written, from, end, 0, base)
  else {
    const at = push(into, NUMBERS[Math.min(length - joints, NUMBERS.length - 1)], from, end, FOLDED, base)
    into.spelling[at] = written
  }
  return end
}

/** ! ? … and emoticons are tokens; every stop closes the clause, and with it the negation. */
function readStop(text: string, from: number, into: Tokens): number {
  const mood = emoticonAt(text, from)
  if (mood !== 0) {
    push(into, emoticonToken(mood), from, from + emoticonUnits(mood), 0, into.used)
    return from + emoticonUnits(mood)
  }
  let i = from
  let shouts = 0
  let asks = 0
  let dots = 0
  for (; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x21 || c === 0xff01 || c === 0x203c) shouts += c === 0x203c ? 2 : 1
    else if (c === 0x3f || c === 0xff1f || c === 0x2047) asks += c === 0x2047 ? 2 : 1
    else if (c === 0x2e || c === 0x3002) dots++
    else if (c === 0x2026) dots += 3
    else break
  }
  into.negation = 0
  if (i === from || (dots === 1 && shouts + asks === 0)) return readPunctuation(text, from, into)
  push(into, stopToken(shouts, asks), from, i, 0, into.used)
  return i
}

/** A run of one mark. Wide commas and the like count as their ASCII kin would, without a token. */
function readPunctuation(text: string, from: number, into: Tokens): number {
  const mark = text.charCodeAt(from)
  let to = from + 1
  while (to < text.length && text.charCodeAt(to) === mark) to++
  if (mark < 128) push(into, MARKS[mark], from, to, PUNCTUATION, into.used)
  return to
}

/** [128] the hash of each ASCII mark */
const MARKS = Int32Array.from({ length: 128 }, (_, unit) => hashText(String.fromCharCode(unit)))

const SHOUT = hashText('!')
const SHOUTS = hashText('!!')
const ASK = hashText('?')
const ASKS = hashText('??')
const SHOUT_ASK = hashText('?!')
const TRAIL = hashText('…')

function stopToken(shouts: number, asks: number): number {
  if (shouts > 0 && asks > 0) return SHOUT_ASK
  if (shouts > 0) return shouts > 1 ? SHOUTS : SHOUT
  if (asks > 0) return asks > 1 ? ASKS : ASK
  return TRAIL
}

/** 's 're 've 'll 'd 'm, after a word or (treebank style) alone; any other apostrophe is a quote. */
function readClitic(text: string, from: number, into: Tokens): number {
  const a = lowerAt(text, from + 1)
  const b = lowerAt(text, from + 2)
  let length = 0
  if (a !== 0 && b === 0 && (a === 0x73 || a === 0x64 || a === 0x6d || a === 0x74)) length = 2
  else if (a !== 0 && b !== 0 && lowerAt(text, from + 3) === 0) {
    const re = a === 0x72 && b === 0x65
    const ve = a === 0x76 && b === 0x65
    const ll = a === 0x6c && b === 0x6c
    if (re || ve || ll) length = 3
  }
  if (length === 0) return from + 1
  const base = into.used
  into.units[into.used++] = 0x27
  into.units[into.used++] = a
  if (length === 3) into.units[into.used++] = b
  push(into, hashUnits(into.units, base, into.used), from, from + length, WORD, base)
  return from + length
}

/** What may begin with an ASCII mark: markup, hearts, entities, names, treebank brackets, emoticons. */
function readMark(text: string, from: number, c: number, into: Tokens): number {
  if (c === 0x40 && isName(text, from + 1) && !isName(text, from - 1)) {
    const to = endOfName(text, from + 1)
    push(into, USER_TOKEN, from, to, 0, into.used)
    return to
  }
  if (c === 0x3c || c === 0x26 || c === 0x3d) {
    const mood = emoticonAt(text, from)
    if (mood !== 0) {
      push(into, emoticonToken(mood), from, from + emoticonUnits(mood), 0, into.used)
      return from + emoticonUnits(mood)
    }
  }
  if (c === 0x3c) {
    const to = endOfMarkup(text, from)
    if (to > from + 1) {
      into.negation = 0
      return to
    }
  }
  if (c === 0x26) {
    const to = endOfEntity(text, from)
    if (to > from + 1) return to
  }
  if (c === 0x2d && isTreebankBracket(text, from)) return from + 5
  return c === 0x23 ? from + 1 : readPunctuation(text, from, into)
}

/** Ideographs, emoji and what needs two units. */
function readSymbol(text: string, from: number, into: Tokens): number {
  // charCodeAt(from) exists, so codePointAt does.
  const point = text.codePointAt(from) as number
  const width = point > 0xffff ? 2 : 1
  const unit = text.charCodeAt(from)
  if ((width === 1 && classOf(unit) === SURROGATE) || isModifier(point)) return from + width
  const letter =
    width === 2 ? (point < 0x1f000 || point >= 0x20000 ? isAstralLetter(point) : false) : classOf(unit) === IDEOGRAPH
  const base = into.used
  into.units[into.used++] = unit
  if (width === 2) into.units[into.used++] = text.charCodeAt(from + 1)
  const hash = hashUnits(into.units, base, into.used)
  if (!letter) into.used = base
  push(into, hash, from, from + width, letter ? WORD : 0, base)
  return from + width
}

/** Cuts every run of a unit to `most`; gives back the new end. Words of one unit only (aaaa) keep it. */
function squeeze(units: Uint16Array, start: number, end: number, most: number): number {
  let to = start
  let run = 0
  for (let k = start; k < end; k++) {
    run = k > start && units[k] === units[k - 1] ? run + 1 : 1
    if (run <= most) units[to++] = units[k]
  }
  return to
}
