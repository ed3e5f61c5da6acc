/**
 * The headers of syslog, by themselves and around lines of other formats:
 *
 *   <165>1 2026-01-02T03:04:05.678Z host app 123 ID47 [id@1 key="value"] message        RFC 5424
 *   <34>Oct 11 22:14:15 host app[123]: message                                          RFC 3164
 *
 * The priority is what a relay or a default may have set, so what the message states about itself is preferred to it.
 */
import { ofSyslog, ofWord } from '../levels.ts'
import type { Span, StatedSeverity } from '../logLine.ts'
import { endOfTime, skipSpaces } from './time.ts'

export interface SyslogHeader {
  readonly time: Span | null
  readonly host: Span | null
  readonly program: Span | null
  /** Of the priority, or of the facility and level that some relays print. */
  readonly stated: StatedSeverity | null
  /** Where the header ends. */
  readonly end: number
}

/** null where the line has no such header. */
export function syslogHeader(line: string, from: number, to: number): SyslogHeader | null {
  const priority = priorityAt(line, from)
  const start = priority === null ? from : priority.end
  if (priority !== null && line.charCodeAt(start) === 0x31 && line.charCodeAt(start + 1) === 0x20)
    return structured(line, start + 2, to, priority)
  const traditional = traditionalHeader(line, start, to, priority)
  if (traditional !== null) return traditional
  return priority === null ? null : { time: null, host: null, program: null, stated: priority, end: start }
}

/** The priority alone, of a line that has no other header behind it. */
function priorityAt(line: string, from: number): StatedSeverity | null {
  if (line.charCodeAt(from) !== 0x3c) return null
  let value = 0
  let at = from + 1
  for (; at < from + 4; at++) {
    const digit = line.charCodeAt(at) - 48
    if (!(digit >= 0 && digit <= 9)) break
    value = value * 10 + digit
  }
  if (at === from + 1 || line.charCodeAt(at) !== 0x3e || value > 191) return null
  return { severity: ofSyslog(value & 7), start: from, end: at + 1 }
}

/** RFC 5424, section 6: five fields without spaces, each maybe `-`, then structured data. */
function structured(line: string, from: number, to: number, priority: StatedSeverity): SyslogHeader {
  const fields: (Span | null)[] = []
  let at = from
  for (let field = 0; field < 5 && at < to; field++) {
    const end = endOfField(line, at, to)
    fields.push(end - at === 1 && line[at] === '-' ? null : { start: at, end })
    at = Math.min(end + 1, to)
  }
  const [time = null, host = null, program = null] = fields
  if (line[at] === '-') at++
  else while (at < to && line[at] === '[') at = endOfElement(line, at, to)
  return { time, host, program, stated: priority, end: skipSpaces(line, at, to) }
}

/** Behind the `]` that no backslash or quote hides. */
function endOfElement(line: string, from: number, to: number): number {
  let isQuoted = false
  for (let i = from + 1; i < to; i++) {
    const c = line.charCodeAt(i)
    if (c === 0x5c) i++
    else if (c === 0x22) isQuoted = !isQuoted
    else if (c === 0x5d && !isQuoted) return i + 1
  }
  return to
}

/** app[123]: · app: · app/part[123]: · %ASA is no program. */
const PROGRAM = /([A-Za-z_(][\w./()@+-]{0,63})(?:\[[\w.:-]{0,20}\])?:(?= |$)/y
const HOST = /[\w][\w.:-]{0,252}(?= )/y
const RELAYED = /([a-z0-9]{3,8})\.([a-z]{3,9}) /y

function traditionalHeader(
  line: string,
  from: number,
  to: number,
  priority: StatedSeverity | null,
): SyslogHeader | null {
  const timeEnd = endOfTime(line, from)
  if (timeEnd === from) {
    // Without a time: a program with its process number is enough.
    const program = match(PROGRAM, line, from)
    if (program === null || (priority === null && line[program.start + program.name] !== '[')) return null
    if (ofWord(line.slice(program.start, program.start + program.name)) !== null) return null
    return {
      time: null,
      host: null,
      program: { start: program.start, end: program.start + program.name },
      stated: priority,
      end: skipSpaces(line, program.end, to),
    }
  }
  let at = skipSpaces(line, timeEnd, to)
  let stated = priority
  const relay = () => {
    RELAYED.lastIndex = at
    const found = RELAYED.exec(line)
    const severity = found === null ? null : ofWord(found[2])
    if (found === null || severity === null || !FACILITIES.has(found[1])) return
    stated = { severity, start: at, end: at + found[0].length - 1 }
    at += found[0].length
  }
  relay()
  let program = match(PROGRAM, line, at)
  let host: Span | null = null
  if (program === null) {
    const named = match(HOST, line, at)
    if (named === null) return null
    host = { start: named.start, end: named.end }
    at = skipSpaces(line, named.end, to)
    relay()
    program = match(PROGRAM, line, at)
  }
  const time = { start: from, end: timeEnd }
  // A level is no program: `12:00:00 ERROR: …` has a header of another kind.
  if (program === null || ofWord(line.slice(program.start, program.start + program.name)) !== null)
    return priority === null && stated === null ? null : { time, host, program: null, stated, end: at }
  if (host !== null && ofWord(textOf(line, host)) !== null) return null
  return {
    time,
    host,
    program: { start: program.start, end: program.start + program.name },
    stated,
    end: skipSpaces(line, program.end, to),
  }
}

const FACILITIES = new Set(
  'kern user mail daemon auth authpriv security syslog lpr news uucp cron ftp console local0 local1 local2 local3 local4 local5 local6 local7'.split(
    ' ',
  ),
)

function match(pattern: RegExp, line: string, at: number): { start: number; end: number; name: number } | null {
  pattern.lastIndex = at
  const found = pattern.exec(line)
  return found === null ? null : { start: at, end: pattern.lastIndex, name: (found[1] ?? found[0]).length }
}

function textOf(line: string, { start, end }: Span): string {
  return line.slice(start, end)
}

function endOfField(line: string, from: number, to: number): number {
  const end = line.indexOf(' ', from)
  return end < 0 || end > to ? to : end
}
