/**
 * Network devices, whose message begins with a mnemonic that holds a severity of syslog:
 *
 *   %LINK-3-UPDOWN: …  %ASA-4-106023: …  %PLATFORM_ENV-SP-1-FAN: …      Cisco and others
 *   %%01IFNET/4/LINK_STATE(l): …  SHELL/5/SHELL_LOGIN: …                Huawei; H3C
 *   system,error,critical message                                       MikroTik: topics
 */
import { ofSyslog, ofWord } from '../levels.ts'
import type { LogLine, Severity } from '../logLine.ts'

/** The mnemonic is found within these many units. */
const HEAD_UNITS = 300
/** Marks that are tried. */
const TRIES_MAX = 8

const CISCO = /%[A-Z][A-Z0-9_]{0,40}(?:-[A-Z0-9_]{1,40}){0,3}?-([0-7])-[A-Za-z0-9_]{1,60}/y
const HUAWEI = /([A-Z][A-Z0-9_]{1,30})\/([0-7])\/[A-Z][A-Za-z0-9_]{1,60}/y
const TOPICS = /(?:[a-z0-9!-]{1,20},){1,4}(critical|error|warning|info|debug)(?=[ ,])/y

export function parseDevice(line: string, from: number, to: number): LogLine | null {
  TOPICS.lastIndex = from
  const topics = TOPICS.exec(line)
  if (topics !== null) {
    const severity = ofWord(topics[1])
    return severity === null ? null : device(from, TOPICS.lastIndex, to, severity)
  }
  const last = Math.min(to, from + HEAD_UNITS)
  let at = line.indexOf('%', from)
  for (let tries = 0; at >= 0 && at < last && tries < TRIES_MAX; tries++, at = line.indexOf('%', at + 1)) {
    if (at > from && !isSeparator(line.charCodeAt(at - 1))) continue
    CISCO.lastIndex = at
    const found = CISCO.exec(line)
    if (found !== null) return device(at, CISCO.lastIndex, to, ofSyslog(Number(found[1])))
  }
  at = line.indexOf('/', from)
  for (let tries = 0; at >= 0 && at < last && tries < TRIES_MAX; tries++, at = line.indexOf('/', at + 1)) {
    if (line[at + 2] !== '/') continue
    let start = at
    while (start > from && at - start < 32 && isMnemonic(line.charCodeAt(start - 1))) start--
    // Huawei puts `%%` and the version of its format before the module.
    const marked = start > from && line[start - 1] === '%' ? start - (line[start - 2] === '%' ? 2 : 1) : start
    if (marked === start && start > from && !isSeparator(line.charCodeAt(start - 1))) continue
    if (marked < start) start += 2
    HUAWEI.lastIndex = start
    const found = HUAWEI.exec(line)
    if (found !== null) return device(marked, HUAWEI.lastIndex, to, ofSyslog(Number(found[2])))
  }
  return null
}

function device(start: number, end: number, to: number, severity: Severity): LogLine {
  const message = { start, end: to }
  return {
    format: 'device',
    time: null,
    host: null,
    program: null,
    message,
    said: [message],
    stated: { severity, start, end },
  }
}

function isSeparator(c: number): boolean {
  return c === 32 || c === 9 || c === 0x3a || c === 0x3e || c === 0x5d
}

function isMnemonic(c: number): boolean {
  return (c >= 65 && c <= 90) || (c >= 48 && c <= 57) || c === 0x5f
}
