/**
 * What lies at a place of a text, and where it ends: numbers, names, markup and the like, told from the units that follow.
 * Nothing here looks far beyond what it finds, so that the scan stays linear.
 */
import { hashText } from '../../math/hash.ts'
import { APOSTROPHE, asciiFold, classOf, DIGIT, LETTER } from './characters.ts'

/** Markup longer than this is not taken for markup; keeps the scan linear. */
const MARKUP_UNITS_MAX = 80
const HTTP = hashText('http')
const HTTPS = hashText('https')
const WWW = hashText('www')

/** At an apostrophe after an n: is it the one of n't? */
export function isNt(text: string, at: number): boolean {
  const c = text.charCodeAt(at)
  if (c !== 0x27 && (c < 128 || classOf(c) !== APOSTROPHE)) return false
  return lowerAt(text, at + 1) === 0x74 && lowerAt(text, at + 2) === 0
}

export function isUrl(text: string, word: number, at: number, next: number): boolean {
  if (next === 0x3a) return text.charCodeAt(at + 1) === 0x2f && (word === HTTP || word === HTTPS)
  return next === 0x2e && word === WWW
}

/** The lower-case ASCII letter at `at`, some other non-zero unit for any other letter or digit, or 0. */
export function lowerAt(text: string, at: number): number {
  if (at >= text.length) return 0
  const c = text.charCodeAt(at)
  if (c < 128) return asciiFold[c]
  const kind = classOf(c)
  return kind === LETTER || kind === DIGIT ? c : 0
}

export function isAsciiDigit(unit: number): boolean {
  return unit >= 48 && unit <= 57
}

/** What may stand between the digits of one number: . , / : */
export function isJoint(unit: number): boolean {
  return unit === 0x2e || unit === 0x2c || unit === 0x2f || unit === 0x3a
}

export function isName(text: string, at: number): boolean {
  return at >= 0 && at < text.length && (text.charCodeAt(at) === 0x5f || lowerAt(text, at) !== 0)
}

export function endOfName(text: string, from: number): number {
  let i = from
  while (isName(text, i)) i++
  return i
}

/** In a hashtag, a capital after a small letter begins a new word. */
export function endOfHump(text: string, from: number, tagEnd: number): number {
  let i = from + 1
  for (; i < tagEnd; i++) {
    const c = text.charCodeAt(i)
    const b = text.charCodeAt(i - 1)
    if (c >= 65 && c <= 90 && b >= 97 && b <= 122) break
  }
  return i
}

export function endOfRun(text: string, from: number): number {
  let i = from
  while (i < text.length && text.charCodeAt(i) > 32 && text.charCodeAt(i) !== 0x3c) i++
  return i
}

/** After <tag …> if one starts here, else the next unit. */
export function endOfMarkup(text: string, from: number): number {
  const c = text.charCodeAt(from + 1) | 32
  if (!((c >= 97 && c <= 122) || c === 0x2f || c === 0x21)) return from + 1
  const limit = Math.min(text.length, from + MARKUP_UNITS_MAX)
  for (let i = from + 2; i < limit; i++) {
    if (text.charCodeAt(i) === 0x3e) return i + 1
    if (text.charCodeAt(i) === 0x3c) break
  }
  return from + 1
}

/** After &name; or &#number; if one starts here, else the next unit. */
export function endOfEntity(text: string, from: number): number {
  const limit = Math.min(text.length, from + 10)
  for (let i = from + 1; i < limit; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x3b && i > from + 1) return i + 1
    if (c !== 0x23 && (c >= 128 || asciiFold[c] === 0)) break
  }
  return from + 1
}

/** -lrb- -rrb- -lsb- -rsb- -lcb- -rcb-: the Penn treebank's brackets. */
export function isTreebankBracket(text: string, from: number): boolean {
  const side = lowerAt(text, from + 1)
  const shape = lowerAt(text, from + 2)
  return (
    (side === 0x6c || side === 0x72) &&
    (shape === 0x72 || shape === 0x73 || shape === 0x63) &&
    lowerAt(text, from + 3) === 0x62 &&
    text.charCodeAt(from + 4) === 0x2d
  )
}
