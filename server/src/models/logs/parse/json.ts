/**
 * A line that is a JSON object: its own keys count, never those of objects within it, whatever they are called. A line
 * that was cut short is read as far as it goes. Python's and Ruby's single quotes are read, too.
 */
import { ofLetter } from '../levels.ts'
import type { LogLine, Span } from '../logLine.ts'
import { Fields } from './fields.ts'

export function parseJson(line: string, from: number, to: number): LogLine | null {
  if (line.charCodeAt(from) !== OPEN) return null
  const fields = new Fields()
  let mongo: LogLine['stated'] = null
  let isMongo = false
  let inner: Span | null = null
  let stream = false
  let members = 0
  readObject(line, from, to, (key, value, start, end, kind) => {
    members++
    const plain = kind !== 'nested'
    if (key === 't' && !plain) isMongo = true
    if (key === 's' && plain && value.end - value.start <= 2) {
      const severity = ofLetter(line[value.start])
      if (severity !== null) mongo = { severity, start, end }
    }
    // Elastic's common schema: the level is a field of `log`, which says nothing else.
    if (key === 'log' && !plain) {
      readObject(line, value.start, value.end, (name, span, a, b, inside) => {
        if (name === 'level' && inside === 'string') fields.take(line, name, span, a, b, true)
      })
      return
    }
    if (key === 'log' && plain) inner = value
    if (key === 'stream' && plain) stream = true
    fields.take(line, key, value, start, end, plain)
  })
  if (members === 0) return null
  const read = fields.line(isMongo ? 'mongo' : 'json', { start: from, end: to }, true)
  if (isMongo && mongo !== null) return { ...read, stated: mongo }
  // Docker's json-file: the line is the value of `log`, and the object its envelope.
  if (inner !== null && stream && read.stated === null) return { ...read, message: inner, said: [inner] }
  return read
}

/** Whether the object is Docker's envelope around a line. */
export function isDockerEnvelope(line: string, from: number): boolean {
  return line.startsWith('{"log":"', from) && line.includes('"stream":"std', from)
}

const OPEN = 0x7b
const CLOSE = 0x7d
const QUOTE = 0x22
const APOSTROPHE = 0x27
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c

type Kind = 'string' | 'scalar' | 'nested'

/** Calls `visit` for each member of the object at `from`, up to where it ends, is cut short or is no JSON. */
function readObject(
  line: string,
  from: number,
  to: number,
  visit: (key: string, value: Span, start: number, end: number, kind: Kind) => void,
): void {
  let at = from + 1
  while (at < to) {
    at = skip(line, at, to, true)
    const quote = line.charCodeAt(at)
    if (quote !== QUOTE && quote !== APOSTROPHE) return
    const start = at
    const keyEnd = endOfString(line, at, to)
    if (keyEnd < 0) return
    at = skip(line, keyEnd + 1, to, false)
    if (line.charCodeAt(at) !== COLON) return
    at = skip(line, at + 1, to, false)
    if (at >= to) return
    const key = line.slice(start + 1, keyEnd)
    const c = line.charCodeAt(at)
    if (c === QUOTE || c === APOSTROPHE) {
      const end = endOfString(line, at, to)
      visit(key, { start: at + 1, end: end < 0 ? to : end }, start, end < 0 ? to : end + 1, 'string')
      if (end < 0) return
      at = end + 1
    } else if (c === OPEN || c === 0x5b) {
      const end = endOfNested(line, at, to)
      visit(key, { start: at, end }, start, end, 'nested')
      at = end
    } else {
      const begin = at
      while (at < to && !isEnd(line.charCodeAt(at))) at++
      if (at === begin) return
      visit(key, { start: begin, end: at }, start, at, 'scalar')
    }
  }
}

function isEnd(c: number): boolean {
  return c === COMMA || c === CLOSE || c === 0x5d || c === 32 || c === 9 || c === 10 || c === 13
}

function skip(line: string, from: number, to: number, commas: boolean): number {
  let at = from
  while (at < to) {
    const c = line.charCodeAt(at)
    if (c !== 32 && c !== 9 && c !== 10 && c !== 13 && !(commas && c === COMMA)) break
    at++
  }
  return at
}

/** Where the string that opens at `at` closes, or −1. */
function endOfString(line: string, at: number, to: number): number {
  const quote = line.charCodeAt(at)
  for (let i = at + 1; i < to; i++) {
    const c = line.charCodeAt(i)
    if (c === BACKSLASH) i++
    else if (c === quote) return i
  }
  return -1
}

/** Behind the object or list that opens at `at`; depth is counted, not descended into. */
function endOfNested(line: string, at: number, to: number): number {
  let depth = 0
  for (let i = at; i < to; i++) {
    const c = line.charCodeAt(i)
    if (c === QUOTE) {
      const end = endOfString(line, i, to)
      if (end < 0) return to
      i = end
    } else if (c === OPEN || c === 0x5b) depth++
    else if ((c === CLOSE || c === 0x5d) && --depth === 0) return i + 1
  }
  return to
}
