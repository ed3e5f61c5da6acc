/**
 * VMware ESXi and vCenter:
 *
 *   2026-01-02T03:04:05.678Z warning hostd[2099] [Originator@6876 sub=…] message      up to 7
 *   2026-01-02T03:04:05.678Z Wa(180) vmkwarning: cpu3:2098)WARNING: message           8; the number is RFC 5424's priority
 *   2026-01-02T03:04:05.678Z cpu3:2098)WARNING: message                               the kernel
 */
import { ofSyslog, ofWord } from '../levels.ts'
import type { LogLine, Severity } from '../logLine.ts'
import { endOfTime } from './time.ts'

const NUMBERED = / ([A-Z][a-z])\((\d{1,3})\)(?:\[[+\w]{0,8}\])? ([\w.-]{1,40})(?:\[[\w:-]{1,20}\])?:?/y
const WORDED = / (panic|critical|error|warning|notice|info|verbose|trivia|debug) ([\w.-]{1,40})\[[\w:-]{1,20}\]/y
const KERNEL = / ?cpu\d{1,4}:\d{1,10}(?: opID=\w{1,20})?\)(?:(ALERT|WARNING|NOTICE): )?/y

export function parseEsxi(line: string, from: number, to: number): LogLine | null {
  const end = endOfTime(line, from)
  if (end === from || line[end - 1] !== 'Z') return null
  NUMBERED.lastIndex = end
  const numbered = NUMBERED.exec(line)
  if (numbered !== null) {
    const priority = Number(numbered[2])
    if (priority > 191) return null
    const severity = ofSyslog(priority & 7)
    const behind = NUMBERED.lastIndex
    KERNEL.lastIndex = behind
    const kernel = KERNEL.exec(line)
    const name = end + numbered[0].lastIndexOf(numbered[3])
    const own = kernel?.[1] === undefined ? null : ofWord(kernel[1])
    const stated = {
      severity: own ?? severity,
      start: end + 1,
      end: end + 2 + numbered[1].length + numbered[2].length + 1,
    }
    return esxi(line, from, end, kernel === null ? behind : KERNEL.lastIndex, to, name, numbered[3], stated)
  }
  WORDED.lastIndex = end
  const worded = WORDED.exec(line)
  if (worded !== null) {
    const severity = worded[1] === 'trivia' ? 0 : ofWord(worded[1])
    const stated = severity === null ? null : { severity, start: end + 1, end: end + 1 + worded[1].length }
    return esxi(line, from, end, WORDED.lastIndex, to, end + worded[0].indexOf(worded[2]), worded[2], stated)
  }
  KERNEL.lastIndex = end
  const kernel = KERNEL.exec(line)
  if (kernel === null) return null
  const severity = kernel[1] === undefined ? null : ofWord(kernel[1])
  const word = KERNEL.lastIndex - 2
  const stated = severity === null ? null : { severity, start: word - kernel[1].length, end: word }
  return esxi(line, from, end, KERNEL.lastIndex, to, -1, '', stated)
}

function esxi(
  line: string,
  from: number,
  timeEnd: number,
  header: number,
  to: number,
  name: number,
  program: string,
  stated: { severity: Severity; start: number; end: number } | null,
): LogLine {
  const message = { start: Math.min(line[header] === ' ' ? header + 1 : header, to), end: to }
  return {
    format: 'esxi',
    time: { start: from, end: timeEnd },
    host: null,
    program: name < 0 ? null : { start: name, end: name + program.length },
    message,
    said: [message],
    stated,
  }
}
