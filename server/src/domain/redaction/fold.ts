/**
 * A text as the detectors read it: the digits of all scripts are 0 to 9, the blanks of all widths are blanks, hyphens and
 * dashes are `-`, full-width forms are ASCII, what cannot be seen is gone. So a detector knows ASCII only, and a card is
 * a card however it is typeset.
 */
export interface Folded {
  /** ASCII, and the placeholders below. */
  readonly text: string
  /** Where each code unit of `text` stands in the original; null where each stands in its place. */
  readonly places: Int32Array | null
}

/** Stands for a letter outside ASCII that has a case, as in `é` and `Ж`: it joins with digits to a word, as `a` does. */
export const CASED = 0xe9
/** Stands for any other letter, as in Chinese, Arabic and Thai: it may touch a number without being part of it. */
export const UNCASED = 0x4e00
/** Stands for everything else: signs, emoji. It ends a word. */
const OTHER = 0x01
/** Not in the folded text at all. */
const NOTHING = 0xffff

/** [65536] what each code unit becomes, looked up when it is first met; 0 for not yet. */
const units = new Uint16Array(0x10000)

/** @returns null where no detector can find anything: the text has neither a digit nor an `@`. */
export function fold(text: string): Folded | null {
  if (!NOT_ASCII.test(text)) return { text, places: null }
  const codes = new Uint16Array(text.length)
  let gone = 0
  let worthAsking = false
  for (let at = 0; at < text.length; at++) {
    let code = text.charCodeAt(at)
    if (code >= 0x80) {
      if ((code & 0xf800) === 0xd800) gone += foldPair(text, at, codes)
      else {
        const unit = code
        code = units[unit]
        if (code === 0) code = units[unit] = foldedOf(unit)
        if (code === NOTHING) gone++
        codes[at] = code
      }
      // A pair has set both of its places.
      code = codes[at]
    } else codes[at] = code
    if (code <= 0x40 && code >= 0x30 && (code <= 0x39 || code === 0x40)) worthAsking = true
  }
  if (!worthAsking) return null
  return gone === 0 ? { text: textOf(codes), places: null } : withoutGone(codes, gone)
}

/** The two halves of a pair: a digit of one place and nothing, or the same twice. @returns how many are nothing. */
function foldPair(text: string, at: number, codes: Uint16Array): number {
  if (codes[at] !== 0) return 0 // the second half, set with the first
  const point = text.codePointAt(at) ?? 0 // `at` is within the text
  codes[at] = point > 0xffff ? foldedOf(point) : OTHER
  if (point <= 0xffff) return 0
  codes[at + 1] = codes[at] >= 0x30 && codes[at] <= 0x39 ? NOTHING : codes[at]
  return Number(codes[at] === NOTHING) + Number(codes[at + 1] === NOTHING)
}

function withoutGone(codes: Uint16Array, gone: number): Folded {
  const places = new Int32Array(codes.length - gone)
  const left = new Uint16Array(codes.length - gone)
  let size = 0
  for (let at = 0; at < codes.length; at++) {
    if (codes[at] === NOTHING) continue
    left[size] = codes[at]
    places[size++] = at
  }
  return { text: textOf(left), places }
}

// oxlint-disable-next-line no-control-regex -- the range is ASCII
const NOT_ASCII = /[^\0-\x7f]/

/** At most this many arguments are given to one call. */
const CALL_UNITS = 4096

function textOf(codes: Uint16Array): string {
  let text = ''
  for (let at = 0; at < codes.length; at += CALL_UNITS)
    // A typed array is a list of arguments as an array is, and is not copied into one first.
    text += String.fromCharCode.apply(null, codes.subarray(at, at + CALL_UNITS) as unknown as number[])
  return text
}

/** Marks that combine with the letter before them, and what has no width: joiners, soft hyphens, marks of direction. */
const UNSEEN = /^[\p{M}\p{Cf}]$/u
const DIGIT = /^\p{Nd}$/u
const BLANK = /^\p{Zs}$/u
const LETTER = /^[\p{L}\p{Nl}]$/u
const HAS_CASE = /^[\p{Lu}\p{Ll}\p{Lt}]$/u
/** The dashes of Unicode but the wave dashes, and the minus sign. */
const HYPHENS = '\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63\uff0d'
/** Dots at the foot of the line or in its middle that stand between groups of digits or labels of a domain. */
const DOTS = '\u00b7\u2024\u2219\u22c5\ufe52\uff0e\uff61'
const SLASHES = '\u2044\u2215\uff0f'

function foldedOf(point: number): number {
  const char = String.fromCodePoint(point)
  if (UNSEEN.test(char)) return NOTHING
  if (DIGIT.test(char)) return 0x30 + digitOf(point)
  if (BLANK.test(char)) return 0x20
  if (HYPHENS.includes(char)) return 0x2d
  if (DOTS.includes(char)) return 0x2e
  if (SLASHES.includes(char)) return 0x2f
  // Full-width and small forms of ASCII; not the letters with accents that NFKC takes apart.
  if (point >= 0xfe50 && point <= 0xff5e) {
    const plain = char.normalize('NFKC')
    if (plain.length === 1 && plain < '\x80') return plain.charCodeAt(0)
  }
  if (LETTER.test(char)) return HAS_CASE.test(char) ? CASED : UNCASED
  return OTHER
}

/** The digits of a script are ten code points in a row, its zero first; some scripts touch (Unicode, 4.6; U+1D7CE). */
function digitOf(point: number): number {
  let zero = point
  while (DIGIT.test(String.fromCodePoint(zero - 1))) zero--
  return (point - zero) % 10
}
