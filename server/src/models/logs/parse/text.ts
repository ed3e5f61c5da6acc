/**
 * Lines with a header of their own (log4j, logback, Python, Go, Rust, Apache, nginx, PostgreSQL, .NET …): the level
 * is a word between timestamps, brackets, numbers and names, before the first word of a sentence.
 */
import { ofBracketed, ofCapitals, ofLetter, ofWord } from '../levels.ts'
import type { LogLine, Severity, StatedSeverity } from '../logLine.ts'
import { isNothing } from './fields.ts'
import { endOfColour, skipSpaces, timeAt } from './time.ts'

/** A header is within these many units and parts. */
const HEADER_UNITS = 300
const PARTS_MAX = 24
/** How much prose may stand before a level in capitals; each part says what it counts. */
const PROSE_MAX = 2

export function parseText(line: string, from: number, to: number): LogLine {
  const start = skipSpaces(line, from, to)
  const time = timeAt(line, start)
  const whole = { start: time === null ? start : skipSpaces(line, time.after, to), end: to }
  return {
    format: 'text',
    time: time === null ? null : { start: time.start, end: time.end },
    host: null,
    program: null,
    message: whole,
    said: [whole],
    stated: findLevel(line, start, to),
  }
}

/** The level in the header that begins at `from`. */
export function findLevel(line: string, from: number, lineEnd: number): StatedSeverity | null {
  const to = Math.min(lineEnd, from + HEADER_UNITS)
  let at = from
  let prose = 0
  /** Whether the parts before were of a header: a time, a bracket, a name with a colon. */
  let isHeader = false
  let isBehindTime = false
  for (let parts = 0; parts < PARTS_MAX; parts++) {
    at = skipMarks(line, at, to)
    if (at >= to) return null
    const time = timeAt(line, at)
    if (time !== null && time.after > at) {
      isHeader = isBehindTime = true
      at = time.after
      continue
    }
    const open = line.charCodeAt(at)
    const close = closing(open)
    if (close !== 0) {
      const end = endOfGroup(line, at, to, close)
      if (end < 0) {
        if (open === 0x22 || open === 0x27 || open === 0x7b) return null
        at++
        continue
      }
      const found = levelInGroup(line, at, end, prose, isBehindTime)
      if (found !== null) return found
      // A quotation or an object is the body, unless it is a short field of a table.
      if ((open === 0x22 || open === 0x27 || open === 0x7b) && line[end + 1] !== ',') return null
      isHeader = true
      isBehindTime &&= open === 0x5b
      at = end + 1
      continue
    }
    const end = endOfPart(line, at, to)
    const part = readPart(line, at, end, to, prose, isHeader, isBehindTime)
    if (part.stated !== null) return part.stated
    prose += part.prose
    if (prose > PROSE_MAX) return null
    if (part.prose === 0) isHeader = true
    isBehindTime = false
    at = end
  }
  return null
}

interface Part {
  readonly stated: StatedSeverity | null
  /** How much of a sentence it is: 0 for a name, a number, a path; 1 for a word; more where a sentence is sure. */
  readonly prose: number
}

const SENTENCE: Part = { stated: null, prose: 9 }
const WORD: Part = { stated: null, prose: 1 }
const NAME: Part = { stated: null, prose: 0 }

function readPart(
  line: string,
  start: number,
  end: number,
  to: number,
  prose: number,
  isHeader: boolean,
  isBehindTime: boolean,
): Part {
  let last = end
  while (last > start && line.charCodeAt(last - 1) === COLON) last--
  const hasColon = last < end && (end >= to || isSpace(line.charCodeAt(end)) || line.charCodeAt(end) === 0x1b)
  const word = line.slice(start, last)
  const level = levelOf(line, word, last, hasColon, prose, isHeader, isBehindTime)
  if (level !== null) return { stated: { severity: level, start, end: last }, prose: 0 }
  return kindOf(word, hasColon, isHeader)
}

function levelOf(
  line: string,
  word: string,
  end: number,
  hasColon: boolean,
  prose: number,
  isHeader: boolean,
  isBehindTime: boolean,
): Severity | null {
  const next = line.charCodeAt(end)
  const isCapitals = ofCapitals(word) !== null && word === word.toUpperCase()
  if (isCapitals) {
    if (next === OPEN_ROUND || (!hasColon && isContinued(line, end)) || (hasColon && isEmptyBehind(line, end)))
      return null
    // A lone word in capitals at the beginning of a sentence is a level, behind other words only near a header.
    return prose === 0 || isHeader ? ofCapitals(word) : null
  }
  // PostgreSQL: two spaces behind the colon.
  if (hasColon && isHeader && POSTGRES.has(word) && line.startsWith(':  ', end)) return 0
  if (prose > 0) return null
  const severity = ofWord(word)
  if (severity !== null) {
    if (hasColon) return isEmptyBehind(line, end) ? null : severity
    // "Fatal error: …" of PHP and others, "error: fatal: …" of git by the word before.
    if (isHeader && LEVEL_COLON.test(line.slice(end, end + 12))) return severity
    // zap: time, tab, level, tab · CBS: time, level, spaces · loki: time, level
    if (isBehindTime) return isSpace(next) ? severity : null
  }
  // kubectl: the first column of a table.
  if (!isHeader && isColumn(line, end)) return word === 'Normal' ? 0 : ofBracketed(word)
  if (hasColon && !isHeader && (word === 'fail' || word === 'failure')) return 2
  // telegraf: E! · facility.level · app.ERROR · celery: ERROR/MainProcess · Python: WARNING:root:
  if (word.length === 2 && word[1] === '!' && isHeader) return ofLetter(word[0])
  if (isBehindTime && word.length === 1 && next === SPACE && line.charCodeAt(end + 1) !== SPACE) return null
  return ofCompound(line, word, end, hasColon, isBehindTime || !isHeader)
}

/** A column of a table ends with a tab or with two spaces. */
function isColumn(line: string, end: number): boolean {
  const next = line.charCodeAt(end)
  return next === TAB || (next === SPACE && line.charCodeAt(end + 1) === SPACE)
}

const POSTGRES = new Set(['LOG', 'DETAIL', 'HINT', 'STATEMENT', 'CONTEXT'])
const LEVEL_COLON = /^ (?:error|warning):\s/i

const FACILITY =
  /^(?:kern|user|mail|daemon|auth|authpriv|security|syslog|lpr|news|uucp|cron|ftp|console|local[0-7])\.([a-z]{3,9})$/
const CHANNEL = /^[\w-]{1,40}\.([A-Z]{4,9})$/
const TAGGED = /^([A-Z]{4,9})[:/][A-Za-z_][\w.-]{0,60}/

function ofCompound(line: string, word: string, end: number, hasColon: boolean, isFirst: boolean): Severity | null {
  if (word.length < 6) return null
  const facility = FACILITY.exec(word)
  if (facility !== null) return ofWord(facility[1])
  const channel = hasColon ? CHANNEL.exec(word) : null
  if (channel !== null) return ofWord(channel[1])
  const tagged = isFirst ? TAGGED.exec(word) : null
  return tagged === null || line[end] === '?' ? null : ofWord(tagged[1])
}

/** What may not stand before a level: with it, the level is a word of a sentence. */
const PROSE = new Set(
  'no not non zero without any an a the this that is was are were be been to of on in at for with by from as if or and level levels set got get gets return returns returned returning receive received receives code last previous some many more each every all print log status state put post delete head patch options connect'.split(
    ' ',
  ),
)

function kindOf(word: string, hasColon: boolean, isHeader: boolean): Part {
  let lower = 0
  let digits = 0
  // ▶ and the like, which ornament a line.
  if (word.length <= 2 && word.charCodeAt(0) >= 0x2010 && word.charCodeAt(0) < 0x2c00) return NAME
  for (let i = 0; i < word.length; i++) {
    const c = word.charCodeAt(i)
    if (c === 0x3f || c === 0x3d || c >= 0x3000) return SENTENCE
    if (c >= 97 && c <= 122) lower++
    else if (c >= 48 && c <= 57) digits++
    else if (!(c >= 65 && c <= 90)) return hasColon || i < word.length - 1 ? NAME : WORD
  }
  if (word.length === 0) return NAME
  // A number alone, before any header, counts things.
  if (digits === word.length) return isHeader ? NAME : SENTENCE
  if (digits > 0) return NAME
  if (PROSE.has(word.toLowerCase())) return SENTENCE
  if (hasColon) return NAME
  if (lower === 0) return NAME
  return word.charCodeAt(0) < 97 ? { stated: null, prose: 2 } : WORD
}

/** ERROR COUNT, WARN level, "CRITICAL path": the level is the first half of a name. */
const CONTINUED =
  /^ +(?:count|rate|level|log|messages?|handl|counters?|codes?|correct|logging|mode|path|section|threshold|state|status|pages?|responses?|packets?|frames?|bits?|flags?|budget)/i

function isContinued(line: string, end: number): boolean {
  const c = line.charCodeAt(end)
  if (c === 0x3d || c === 0x2f || c === 0x27 || c === 0x22) return true
  // "ALERT 1" is one of several lamps on a panel.
  return CONTINUED.test(line.slice(end, end + 14)) || /^ALERT,? \d/.test(line.slice(end - 5, end + 3))
}

/** "error: 0", "warnings: none": a key and its value. */
const EMPTY = /^:\s+(?:0|none|null|false|no|nil|ok|success|n\/a)(?![\w./-])(?!: )/i

function isEmptyBehind(line: string, end: number): boolean {
  return EMPTY.test(line.slice(end, end + 12))
}

/** The level in a bracket: [error] · [core:warn] · <info> · (EE) · [E] · [2026-01-02T03:04:05Z ERROR app] */
function levelInGroup(
  line: string,
  at: number,
  end: number,
  prose: number,
  isBehindTime: boolean,
): StatedSeverity | null {
  const open = line.charCodeAt(at)
  if (line.charCodeAt(end + 1) === OPEN_ROUND || line.charCodeAt(end + 1) === 0x3d) return null
  const isQuote = open === 0x22 || open === 0x27
  if (isQuote ? !isField(line, at, end) : open === OPEN_ROUND && prose > 0) return null
  let from = skipSpaces(line, at + 1, end)
  let to = end
  while (to > from && isSpace(line.charCodeAt(to - 1))) to--
  const module = MODULE.exec(line.slice(from, Math.min(to, from + 24)))
  if (module !== null) from += module[0].length
  const word = line.slice(from, Math.min(to, from + 16))
  const severity = word.length === 1 ? ofLetter(word) : word.length === 2 ? ofPair(word) : ofBracketed(word)
  if (severity !== null) return { severity, start: at, end: end + 1 }
  // A whole header between brackets.
  if (open !== 0x5b || isNothing(line, { start: from, end: to })) return null
  const c = line.charCodeAt(from)
  const isInner = (c >= 48 && c <= 57) || (c >= 65 && c <= 90)
  return isInner && to - from > 8 && !isBehindTime ? levelInside(line, from, to) : null
}

/** Time, thread and level of one bracket; what stands in another bracket within is not looked at. */
function levelInside(line: string, from: number, to: number): StatedSeverity | null {
  const time = timeAt(line, from)
  let at = time === null ? from : time.after
  for (let parts = 0; parts < 4; parts++) {
    at = skipMarks(line, at, to)
    if (at >= to || closing(line.charCodeAt(at)) !== 0) return null
    const end = endOfPart(line, at, to)
    const word = /^[A-Z]{3,9}/.exec(line.slice(at, Math.min(end, at + 10)))?.[0] ?? ''
    const next = line.charCodeAt(at + word.length)
    const severity = ofWord(word)
    if (severity !== null && !(next >= 97 && next <= 122) && !(next >= 65 && next <= 90))
      return { severity, start: at, end: at + word.length }
    if (time === null) return null
    at = end
  }
  return null
}

const MODULE = /^[a-z_]{1,20}:(?=[a-z])/

/** X.org: (EE) (WW) (II); (**) from the configuration, (==) by default. */
function ofPair(word: string): Severity | null {
  if (word === 'EE') return 2
  if (word === 'WW') return 1
  return word === 'II' || word === '**' || word === '==' || word.toLowerCase() === 'ok' ? 0 : null
}

/** A quoted field of a table: "2026-01-02","ERROR","…" */
function isField(line: string, at: number, end: number): boolean {
  const after = line[end + 1]
  const before = line[at - 1]
  return (
    (after === ',' || after === ';' || after === '\t') &&
    (before === undefined || before === ',' || before === ';' || before === '\t')
  )
}

const SPACE = 32
const TAB = 9
const COLON = 0x3a
const OPEN_ROUND = 0x28

function isSpace(c: number): boolean {
  return c === SPACE || c === TAB || c === 10 || c === 13
}

function closing(open: number): number {
  switch (open) {
    case 0x5b:
      return 0x5d
    case 0x28:
      return 0x29
    case 0x3c:
      return 0x3e
    case 0x7b:
      return 0x7d
    case 0x22:
    case 0x27:
      return open
    default:
      return 0
  }
}

/** A bracket of a header is short. */
const GROUP_UNITS = 100

function endOfGroup(line: string, at: number, to: number, close: number): number {
  const open = line.charCodeAt(at)
  const last = Math.min(to, at + GROUP_UNITS)
  let depth = 1
  for (let i = at + 1; i < last; i++) {
    const c = line.charCodeAt(i)
    if (c === close) {
      if (--depth === 0) return i
    } else if (c === open) depth++
  }
  return -1
}

/** Spaces, colours, and the marks that stand between the parts of a header. */
function skipMarks(line: string, from: number, to: number): number {
  let at = from
  while (at < to) {
    const c = line.charCodeAt(at)
    if (c === 0x1b) at = endOfColour(line, at, to)
    else if (isSpace(c) || c === 0xfeff || (c < 128 && MARKS[c] === 1)) at++
    else break
  }
  return at
}

const MARKS = Uint8Array.from({ length: 128 }, (_, c) => ('-|,;:*#>])}=~•'.includes(String.fromCharCode(c)) ? 1 : 0))
const STOPS = Uint8Array.from({ length: 128 }, (_, c) =>
  '[]()<>{}|",; \t\n\r\x1b'.includes(String.fromCharCode(c)) ? 1 : 0,
)

function endOfPart(line: string, from: number, to: number): number {
  let at = from + 1
  while (at < to) {
    const c = line.charCodeAt(at)
    if (c < 128 && STOPS[c] === 1) break
    at++
  }
  return at
}
