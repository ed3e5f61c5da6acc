/** MongoDB before 4.4: `2014-11-03T18:28:32.450-0500 W NETWORK  [conn12] message`. Later ones are JSON. */
import { ofLetter } from '../levels.ts'
import type { LogLine } from '../logLine.ts'
import { endOfTime } from './time.ts'

const HEADER = / ([FEWID])[1-5]? ([A-Z]{3,10}|-) {1,8}(?=\[)/y

export function parseMongo(line: string, from: number, to: number): LogLine | null {
  const end = endOfTime(line, from)
  if (end === from) return null
  HEADER.lastIndex = end
  const found = HEADER.exec(line)
  const severity = found === null ? null : ofLetter(found[1])
  if (found === null || severity === null) return null
  const close = line.indexOf(']', HEADER.lastIndex)
  const message = { start: close < 0 || close >= to ? HEADER.lastIndex : Math.min(close + 2, to), end: to }
  return {
    format: 'mongo',
    time: { start: from, end },
    host: null,
    program: null,
    message,
    said: [message],
    stated: { severity, start: end + 1, end: end + 2 },
  }
}
