/**
 * Access logs: common and combined (Apache, nginx, Caddy, Traefik), with a virtual host before the address or not,
 * Envoy's, and those of load balancers that put the status before the request. The status is what they state, whatever
 * was asked for: the target, the referrer and the agent are the client's words.
 */
import { ofHttpStatus } from '../levels.ts'
import type { LogLine, Span } from '../logLine.ts'
import { endOfTime } from './time.ts'

/** The quoted request is found within these many units. */
const HEAD_UNITS = 400
const REQUEST = /"([A-Z]{3,10}) [^\s"]{1,20000}(?: HTTP\/[\d.]{1,3})?"(?: {1,4}([1-5]\d\d)(?=\s|$))?/y
/** Amazon's: the balancer's status and the target's, the bytes in and out, then the request. */
const BEFORE = /\s([1-5]\d\d) (?:[1-5]\d\d|-) \d{1,15} \d{1,15} $/

export function parseAccessLog(line: string, from: number, to: number): LogLine | null {
  const last = Math.min(to, from + HEAD_UNITS)
  const quote = line.indexOf('"', from)
  if (quote < 0 || quote >= last) return null
  REQUEST.lastIndex = quote
  const found = REQUEST.exec(line)
  if (found === null || REQUEST.lastIndex > to) return null
  const end = REQUEST.lastIndex
  const message = { start: quote, end }
  if (found[2] === undefined) {
    const before = BEFORE.exec(line.slice(Math.max(from, quote - 60), quote))
    if (before === null) return null
    const start = quote - before[0].length + 1
    return access(null, { start, end }, { start, end: start + 3 }, before[1])
  }
  const time = bracketedTime(line, from, quote)
  if (time === null && !isClient(line, from, quote)) return null
  return access(time, message, { start: end - 3, end }, found[2])
}

function access(time: Span | null, message: Span, at: Span, status: string): LogLine {
  const severity = ofHttpStatus(Number(status))
  const stated = severity === null ? null : { severity, ...at }
  return { format: 'access', time, host: null, program: null, message, said: [message], stated }
}

/** address identity user, of a common log whose time was left out. */
const CLIENT = /[\w.:-]{2,60} [\w.-]{1,60} [\w.@-]{1,60} "/y

function isClient(line: string, from: number, quote: number): boolean {
  CLIENT.lastIndex = from
  return CLIENT.test(line) && CLIENT.lastIndex === quote + 1
}

/** [20/Nov/2026:10:00:00 +0000], with nothing but a client before it. */
function bracketedTime(line: string, from: number, quote: number): Span | null {
  const open = line.indexOf('[', from)
  if (open < 0 || open > quote) return null
  const end = endOfTime(line, open + 1)
  return end > open + 1 && line[end] === ']' ? { start: open + 1, end } : null
}
