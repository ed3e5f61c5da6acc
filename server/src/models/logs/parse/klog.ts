/** glog, klog and absl: `E0115 12:34:56.789012   1 file.go:12] message`, the year before the month in newer ones. */
import { ofLetter } from '../levels.ts'
import type { LogLine } from '../logLine.ts'

const HEADER = /([IWEF])(?:\d{4})?\d{4} (\d\d:\d\d:\d\d\.\d{1,9})(?: +\d{1,10})?(?: +([\w./@+-]{1,120}):\d{1,6}\])?/y

export function parseKlog(line: string, from: number, to: number): LogLine | null {
  HEADER.lastIndex = from
  const found = HEADER.exec(line)
  if (found === null || HEADER.lastIndex > to) return null
  const severity = ofLetter(found[1])
  const timeEnd = from + found[0].indexOf(found[2]) + found[2].length
  const message = { start: line[HEADER.lastIndex] === ' ' ? HEADER.lastIndex + 1 : HEADER.lastIndex, end: to }
  const program = found[3] === undefined ? null : from + found[0].lastIndexOf(found[3])
  return {
    format: 'klog',
    time: { start: from + 1, end: timeEnd },
    host: null,
    program: program === null ? null : { start: program, end: program + found[3].length },
    message,
    said: [message],
    stated: severity === null ? null : { severity, start: from, end: timeEnd },
  }
}
