/**
 * What each UTF-16 code unit is to the tokeniser, and its case-folded form.
 *
 * ASCII is a table of 128 bytes. The rest of the basic plane is classified by Unicode properties one block of
 * 256 units at a time, when a text first needs it, so that an English server never builds the other 255 blocks.
 */

export const SEPARATOR = 0
export const LETTER = 1
export const DIGIT = 2
/** A mark that closes a clause: . , ; : ! ? and their full-width kin. */
export const STOP = 3
export const APOSTROPHE = 4
/** Written without spaces: one unit is one token (Han, Hiragana, Katakana). */
export const IDEOGRAPH = 5
export const PICTOGRAPH = 6
/** Invisible inside words: soft hyphen, joiners, variation selectors, byte-order mark. */
export const INVISIBLE = 7
export const SURROGATE = 8
/** Every other visible ASCII mark; some begin something (& < @ # - =). */
export const MARK = 9

const BLOCK = 256
const ascii = asciiClasses()
const classBlocks: (Uint8Array | undefined)[] = Array.from({ length: BLOCK }, () => undefined)
const foldBlocks: (Uint16Array | undefined)[] = Array.from({ length: BLOCK }, () => undefined)

/** [128] folded unit of an ASCII letter or digit; 0 for everything else. */
export const asciiFold: Uint16Array = asciiFolds()

/** [128] class of an ASCII unit. */
export const asciiClass: Uint8Array = ascii

export function classOf(unit: number): number {
  if (unit < 128) return ascii[unit]
  const block = classBlocks[unit >>> 8] ?? loadBlock(unit >>> 8)
  return block[unit & 255]
}

/** The lower-case form of a letter or digit; other units come back as they are. */
export function fold(unit: number): number {
  const block = foldBlocks[unit >>> 8]
  if (block !== undefined) return block[unit & 255]
  loadBlock(unit >>> 8)
  return fold(unit)
}

/** Whether an astral code point is a letter; everything else up there is a pictograph or a symbol. */
export function isAstralLetter(codePoint: number): boolean {
  return /\p{L}/u.test(String.fromCodePoint(codePoint))
}

/** Skin tones say nothing about mood; tags and astral variation selectors are invisible. */
export function isModifier(codePoint: number): boolean {
  return (codePoint >= 0x1f3fb && codePoint <= 0x1f3ff) || (codePoint >= 0xe0000 && codePoint <= 0xe01ef)
}

function asciiClasses(): Uint8Array {
  const classes = new Uint8Array(128)
  for (let u = 0; u < 128; u++) {
    const c = String.fromCharCode(u)
    if (/[A-Za-z]/.test(c)) classes[u] = LETTER
    else if (/[0-9]/.test(c)) classes[u] = DIGIT
    else if ('.,;:!?'.includes(c)) classes[u] = STOP
    else if (c === "'" || c === '`') classes[u] = APOSTROPHE
    else if (u > 32 && u < 127) classes[u] = MARK
  }
  return classes
}

function asciiFolds(): Uint16Array {
  const folds = new Uint16Array(128)
  for (let u = 0; u < 128; u++) {
    if (ascii[u] === LETTER || ascii[u] === DIGIT) folds[u] = String.fromCharCode(u).toLowerCase().charCodeAt(0)
  }
  return folds
}

function loadBlock(index: number): Uint8Array {
  const classes = new Uint8Array(BLOCK)
  const folds = new Uint16Array(BLOCK)
  for (let i = 0; i < BLOCK; i++) {
    const unit = index * BLOCK + i
    const c = String.fromCharCode(unit)
    classes[i] = unit < 128 ? ascii[unit] : wideClass(unit, c)
    // A fold that grows (İ → i̇) keeps its first unit: every token has one unit for each unit of the text.
    folds[i] = classes[i] === LETTER ? c.toLowerCase().charCodeAt(0) : unit
  }
  classBlocks[index] = classes
  foldBlocks[index] = folds
  return classes
}

function wideClass(unit: number, c: string): number {
  if (unit >= 0xd800 && unit <= 0xdfff) return SURROGATE
  if (unit === 0x2019 || unit === 0x2018 || unit === 0x02bc || unit === 0x00b4 || unit === 0xff07) return APOSTROPHE
  if (unit === 0xad || unit === 0xfeff || unit === 0x2060 || (unit >= 0x200b && unit <= 0x200d)) return INVISIBLE
  if (unit >= 0xfe00 && unit <= 0xfe0f) return INVISIBLE
  if (/[…。、，．！？；：‼⁇⁈⁉]/.test(c)) return STOP
  if (/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u.test(c)) return IDEOGRAPH
  if (/\p{Extended_Pictographic}/u.test(c) && unit !== 0xa9 && unit !== 0xae && unit !== 0x2122) return PICTOGRAPH
  if (/[\p{L}\p{M}]/u.test(c)) return LETTER
  if (/\p{Nd}/u.test(c)) return DIGIT
  return SEPARATOR
}
