/**
 * A line of key=value pairs (logfmt, FortiOS, geth, Docker, slog). Its first word is a pair, or only a short header
 * stands before two pairs or more: `key=value` in the middle of a sentence is part of the sentence. A value reaches to
 * the next space, or to its closing quote, so a pair inside of a URL or a message is never one.
 */
import type { LogLine } from '../logLine.ts'
import { Fields } from './fields.ts'
import { findLevel } from './text.ts'
import { endOfTime, skipSpaces } from './time.ts'

/** Ordinary words that may stand before the first pair: the name of a program, not a sentence. */
const HEADER_WORDS = 1
/** Ordinary words between pairs, behind which the rest is a text that was not quoted. */
const LOOSE_WORDS = 2
/** Pairs that are read. */
const PAIRS_MAX = 200

export function parseLogfmt(line: string, from: number, to: number): LogLine | null {
  const fields = new Fields()
  let at = skipSpaces(line, from, to)
  const begin = at
  let before = 0
  let loose = 0
  let pairs = 0
  let first = -1
  while (at < to && pairs < PAIRS_MAX) {
    const start = at
    const equals = endOfKey(line, at, to)
    if (equals > 0) {
      if (pairs++ === 0) first = start
      at = readPair(line, start, equals, to, loose > LOOSE_WORDS ? null : fields)
    } else {
      at = endOfTime(line, at)
      if (at === start) {
        at = endOfWord(line, start, to)
        if (!isHeader(line, start, at)) {
          if (pairs > 0) loose++
          else if (++before > HEADER_WORDS) return null
        }
      }
    }
    at = skipSpaces(line, at, to)
  }
  if (pairs === 0 || (before > 0 && pairs < 2)) return null
  const read = fields.line('logfmt', { start: begin, end: to }, false)
  const ahead = first > begin ? findLevel(line, begin, first) : null
  return ahead === null ? read : { ...read, stated: ahead }
}

/** Gives back where the pair ends. */
function readPair(line: string, start: number, equals: number, to: number, fields: Fields | null): number {
  const quote = line.charCodeAt(equals + 1)
  const isQuoted = quote === 0x22 || quote === 0x27
  const from = equals + (isQuoted ? 2 : 1)
  const end = isQuoted ? endOfQuoted(line, from, to, quote) : endOfWord(line, from, to)
  let last = end
  if (!isQuoted) while (last > from && isListMark(line.charCodeAt(last - 1))) last--
  fields?.take(
    line,
    line.slice(start, equals),
    { start: Math.min(from, to), end: last },
    start,
    isQuoted ? Math.min(end + 1, to) : last,
    true,
  )
  return isQuoted ? Math.min(end + 1, to) : end
}

/** Where the `=` of the pair at `at` is, or −1 where no pair begins. */
function endOfKey(line: string, at: number, to: number): number {
  const last = Math.min(to, at + 40)
  for (let i = at; i < last; i++) {
    const c = line.charCodeAt(i)
    if (c === 0x3d) return i > at && i + 1 <= to ? i : -1
    const word =
      (c >= 97 && c <= 122) ||
      (c >= 65 && c <= 90) ||
      c === 0x5f ||
      c === 0x40 ||
      (i > at && (c === 0x2e || c === 0x2d || (c >= 48 && c <= 57)))
    if (!word) return -1
  }
  return -1
}

function endOfQuoted(line: string, from: number, to: number, quote: number): number {
  for (let i = from; i < to; i++) {
    const c = line.charCodeAt(i)
    if (c === 0x5c) i++
    else if (c === quote) return i
  }
  return to
}

function endOfWord(line: string, from: number, to: number): number {
  let i = from
  while (i < to) {
    const c = line.charCodeAt(i)
    if (c === 32 || c === 9 || c === 0x1b) break
    i++
  }
  return i
}

function isListMark(c: number): boolean {
  return c === 0x2c || c === 0x3b
}

/** disk1 · [main] · app: · 10.0.0.1 · INFO: no word of a sentence. */
function isHeader(line: string, start: number, end: number): boolean {
  let letters = 0
  for (let i = start; i < Math.min(end, start + 60); i++) {
    const c = line.charCodeAt(i)
    if (c >= 97 && c <= 122) letters++
    else if (!(c >= 65 && c <= 90 && i === start))
      return c !== 0x27 && c !== 0x2c && c !== 0x2e && c !== 0x3f && c !== 0x21
  }
  return letters === 0
}
