/** Redis and Valkey: `1:M 12 Nov 2019 08:11:31.066 # message`; # is a warning, * a notice, - and . are details. */
import type { LogLine } from '../logLine.ts'
import { endOfTime } from './time.ts'

const ROLE = /\d{1,10}:[XCSM] /y

export function parseRedis(line: string, from: number, to: number): LogLine | null {
  ROLE.lastIndex = from
  if (!ROLE.test(line)) return null
  const start = ROLE.lastIndex
  const end = endOfTime(line, start)
  const mark = line[end + 1]
  if (end === start || line[end] !== ' ' || line[end + 2] !== ' ' || !'.-*#'.includes(mark)) return null
  const message = { start: Math.min(end + 3, to), end: to }
  return {
    format: 'redis',
    time: { start, end },
    host: null,
    program: null,
    message,
    said: [message],
    stated: { severity: mark === '#' ? 1 : 0, start: from, end: end + 2 },
  }
}
