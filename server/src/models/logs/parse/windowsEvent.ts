/**
 * Events of Windows, as its tools print them:
 *
 *   Error,11/20/2026 3:04:05 PM,Service Control Manager,7031,None,…     the viewer's CSV, or with tabs
 *   Log Name: System  Source: disk  Event ID: 7  Level: Error …         its text; PowerShell's EntryType; Splunk's Type=Error
 *   <Event xmlns=…><System>…<Level>2</Level>…                           XML: 1 critical, 2 error, 3 warning, 0, 4, 5 information
 *   MSWinEventLog⇥1⇥System⇥123⇥…⇥Error⇥…                                Snare
 */
import { ofWindows, ofWord } from '../levels.ts'
import type { LogLine, Severity, Span, StatedSeverity } from '../logLine.ts'
import { endOfTime } from './time.ts'

const ROW = /"?(Critical|Error|Warning|Information|Verbose)"?[,\t;]"?(?=\d)/y
/** An event's text names its identifier; only then are its other keys looked for. */
const IDENTIFIER = /\b(?:Event ?ID|EventCode|EventIdentifier|InstanceId)\s{0,8}[:=]/
const LEVEL =
  /(?:^|[\s,;|])(?:Level|Entry ?Type|Event ?Type|Type|LevelDisplayName)\s{0,8}[:=]\s{0,8}"?(Critical|Error|Warning|Information|Verbose|Audit Success|Audit Failure)\b/
const HEAD_UNITS = 1_000

export function parseWindowsEvent(line: string, from: number, to: number): LogLine | null {
  const c = line.charCodeAt(from)
  if (c === 0x3c) return line.startsWith('<Event', from) ? readXml(line, from, to) : null
  ROW.lastIndex = from
  const row = ROW.exec(line)
  if (row !== null) {
    const end = endOfTime(line, ROW.lastIndex)
    if (end > ROW.lastIndex)
      return event({ start: ROW.lastIndex, end }, { start: end, end: to }, ofLevel(row[1]), {
        start: from,
        end: from + row[0].length,
      })
  }
  const tab = line.indexOf('\t', from)
  if (tab > 0 && line.slice(Math.max(from, tab - 13), tab) === 'MSWinEventLog') return readSnare(line, tab, to)
  const named = line.indexOf('Event', from)
  if ((named < 0 || named > from + HEAD_UNITS) && !line.includes('InstanceId', from)) return null
  const head = line.slice(from, Math.min(to, from + HEAD_UNITS))
  if (!IDENTIFIER.test(head)) return null
  const found = LEVEL.exec(head)
  if (found === null) return null
  const start = from + found.index + found[0].search(/[A-Z]/)
  const said = head.search(/\b(?:Description|Message)\s{0,8}[:=]/)
  return event(null, { start: said < 0 ? from : from + said, end: to }, ofLevel(found[1]), {
    start,
    end: from + found.index + found[0].length,
  })
}

function readXml(line: string, from: number, to: number): LogLine | null {
  const at = line.indexOf('<Level>', from)
  const severity = at < 0 || at >= to || line[at + 8] !== '<' ? null : ofWindows(Number(line[at + 7]))
  const data = line.indexOf('<EventData', from)
  const message = { start: data < 0 || data >= to ? from : data, end: to }
  return event(null, message, severity, { start: at, end: at + 8 })
}

/** Snare's tenth field is the level, its last but one the message. */
function readSnare(line: string, from: number, to: number): LogLine | null {
  let at = from
  for (let field = 1; field < 9; field++) {
    at = line.indexOf('\t', at + 1)
    if (at < 0 || at >= to) return null
  }
  const end = line.indexOf('\t', at + 1)
  if (end < 0 || end >= to) return null
  const severity = ofLevel(line.slice(at + 1, end))
  return event(null, { start: end + 1, end: to }, severity, { start: at + 1, end })
}

function ofLevel(word: string): Severity | null {
  return word === 'Audit Success' ? 0 : word === 'Audit Failure' ? 1 : ofWord(word)
}

function event(time: Span | null, message: Span, severity: Severity | null, at: Span): LogLine {
  const stated: StatedSeverity | null = severity === null ? null : { severity, ...at }
  return { format: 'windows', time, host: null, program: null, message, said: [message], stated }
}
