/**
 * Android's logcat:
 *
 *   03-17 16:13:38.811  1702  2395 D Tag: message        threadtime
 *   E/Tag( 123): message                                 brief, tag, and time behind a timestamp
 */
import { ofLetter } from '../levels.ts'
import type { LogLine, Span } from '../logLine.ts'

const THREADTIME = /(\d\d-\d\d \d\d:\d\d:\d\d\.\d{1,9}) {1,8}\d{1,10} {1,8}\d{1,10} ([VDIWEFA])(?= )/y
const BRIEF = /(?:(\d\d-\d\d \d\d:\d\d:\d\d\.\d{1,9}) )?([VDIWEFA])\/([\w.$-]{1,60})(?: {0,20}\( {0,20}\d{1,10}\))?:/y

export function parseLogcat(line: string, from: number, to: number): LogLine | null {
  THREADTIME.lastIndex = from
  const long = THREADTIME.exec(line)
  if (long !== null) return logcat(from, THREADTIME.lastIndex, to, long[2], spanAt(from, long[1]), null)
  BRIEF.lastIndex = from
  const brief = BRIEF.exec(line)
  if (brief === null) return null
  const tag = from + brief[0].indexOf('/') + 1
  const program = { start: tag, end: tag + brief[3].length }
  return logcat(from, BRIEF.lastIndex, to, brief[2], brief[1] === undefined ? null : spanAt(from, brief[1]), program)
}

function spanAt(start: number, text: string): Span {
  return { start, end: start + text.length }
}

function logcat(
  start: number,
  end: number,
  to: number,
  letter: string,
  time: Span | null,
  program: Span | null,
): LogLine {
  const message = { start: Math.min(end + 1, to), end: to }
  const severity = ofLetter(letter)
  const stated = severity === null ? null : { severity, start, end }
  return { format: 'logcat', time, host: null, program, message, said: [message], stated }
}
