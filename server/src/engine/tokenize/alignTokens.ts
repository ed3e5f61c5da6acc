/** Finds the places in a text that tokens stand for, where a tokenizer gives only their names. */

/** [2 · tokens] start and end of each in UTF-16 code units of the text. */
export type Places = Int32Array

/** @param unknown the name of the token for what the vocabulary lacks */
export type Align = (
  text: string,
  tokens: readonly string[],
  isAdded: (token: string) => boolean,
  unknown: string | null,
) => Places

/**
 * Tokens of byte-level BPE: together they spell the bytes of the text (Radford et al. 2019, GPT-2, bytes_to_unicode).
 * Spaces at a token's beginning is left out of its place, as huggingface/tokenizers does for RoBERTa.
 */
export const byteOffsets: Align = (text, tokens, isAdded) => {
  const { bytes, units } = bytesOf(text)
  const places = new Int32Array(2 * tokens.length)
  let at = 0
  for (const [i, token] of tokens.entries()) {
    const spelt = isAdded(token) ? [...new TextEncoder().encode(token)] : spellingOf(token)
    let from = at
    let length = spelt.length
    // A space that the tokenizer puts before the first word is not in the text.
    if (length > 0 && spelt[0] === SPACE && bytes[at] !== SPACE && at === 0) length--
    if (isAdded(token)) from = Math.max(at, indexOfBytes(bytes, spelt, at))
    const to = Math.min(bytes.length, from + length)
    while (from < to && bytes[from] === SPACE) from++
    const end = to > 0 ? unitAfter(units, to, text.length) : 0
    const start = from < to ? units[from] : end
    places[2 * i] = start
    places[2 * i + 1] = end
    at = Math.max(at, to)
  }
  return places
}

const SPACE = 32

/** UTF-8 of the text, and for each byte the place of its character. */
function bytesOf(text: string): { bytes: Uint8Array; units: Int32Array } {
  const bytes = new TextEncoder().encode(text)
  const units = new Int32Array(bytes.length)
  let at = 0
  for (let unit = 0; unit < text.length; ) {
    const codePoint = text.codePointAt(unit) ?? 0 // unit < length
    // Half a surrogate pair is written as U+FFFD, in three bytes.
    const width = codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4
    units.fill(unit, at, at + width)
    at += width
    unit += codePoint > 0xffff ? 2 : 1
  }
  return { bytes, units }
}

/** The place after the character that the byte before `to` belongs to. */
function unitAfter(units: Int32Array, to: number, end: number): number {
  const last = units[to - 1]
  for (let at = to; at < units.length; at++) if (units[at] !== last) return units[at]
  return end
}

function indexOfBytes(bytes: Uint8Array, wanted: readonly number[], from: number): number {
  for (let at = from; at + wanted.length <= bytes.length; at++)
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at
  return from
}

/** Printable bytes stand for themselves; the others are moved behind Latin-1, in their order. */
const byteOf: ReadonlyMap<string, number> = (() => {
  const map = new Map<string, number>()
  let moved = 0
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
    map.set(String.fromCharCode(printable ? byte : 256 + moved++), byte)
  }
  return map
})()

function spellingOf(token: string): number[] {
  return Array.from(token, (one) => byteOf.get(one) ?? SPACE)
}

/** How far ahead a token is looked for, in characters, when the text has something there that tokens do not show. */
const LOOK_AHEAD = 64

/**
 * Tokens of words (Unigram, WordPiece): their characters follow each other in the text, but for what the normaliser
 * changed. Both sides are folded (NFKC, lower case, no accents, no white space) and walked along together. A token that
 * is not found there, such as the unknown one, takes the place up to the next that is.
 */
export const foldedOffsets: Align = (text, tokens, isAdded, unknown) => {
  const stream = foldedText(text)
  const places = new Int32Array(2 * tokens.length)
  const folded = tokens.map((token) => (token === unknown ? null : foldedToken(token, isAdded(token))))
  let at = 0
  for (const [i, wanted] of folded.entries()) {
    const end = at < stream.starts.length ? stream.starts[at] : text.length
    places[2 * i] = end
    places[2 * i + 1] = end
    if (wanted === '') continue
    if (wanted === null) {
      const next = folded.slice(i + 1).find((one) => one !== null && one !== '')
      const found = next === undefined || next === null ? stream.letters.length : stream.letters.indexOf(next, at + 1)
      const stop = found === -1 || found - at > LOOK_AHEAD ? Math.min(at + 1, stream.letters.length) : found
      if (stop > at) {
        places[2 * i] = stream.starts[at]
        places[2 * i + 1] = stream.ends[stop - 1]
      }
      at = stop
      continue
    }
    const found = stream.letters.indexOf(wanted, at)
    if (found === -1 || found - at > LOOK_AHEAD) continue
    places[2 * i] = stream.starts[found]
    places[2 * i + 1] = stream.ends[found + wanted.length - 1]
    at = found + wanted.length
  }
  return places
}

/** The folded text, and for each of its code units where in the text its character begins and ends. */
function foldedText(text: string): { letters: string; starts: number[]; ends: number[] } {
  let letters = ''
  const starts: number[] = []
  const ends: number[] = []
  for (let unit = 0; unit < text.length; ) {
    const codePoint = text.codePointAt(unit) ?? 0 // unit < length
    const end = unit + (codePoint > 0xffff ? 2 : 1)
    const made = fold(text.slice(unit, end))
    // An accent belongs to the letter before it.
    if (made === '' && ends.length > 0 && ACCENT.test(text.slice(unit, end))) ends[ends.length - 1] = end
    letters += made
    for (let k = 0; k < made.length; k++) {
      starts.push(unit)
      ends.push(end)
    }
    unit = end
  }
  return { letters, starts, ends }
}

const ACCENT = /\p{Nonspacing_Mark}/u

function foldedToken(token: string, isAdded: boolean): string {
  return fold(isAdded ? token : token.replaceAll('▁', ' ').replace(/^##(?=.)/u, ''))
}

function fold(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFD')
    .replaceAll(/[\p{Nonspacing_Mark}\p{White_Space}\p{Control}\p{Format}]/gu, '')
}
