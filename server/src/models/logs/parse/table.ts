/**
 * A row of comma-separated fields, one of which is a level and nothing else (PAN-OS, exports of tables). Where a quoted
 * field holds commas its parts are fields, too; none of them is a level by itself.
 */
import { ofWord } from '../levels.ts'
import type { LogLine } from '../logLine.ts'

/** A sentence has fewer commas. */
const FIELDS_MIN = 6
/** Later fields are not looked at. */
const FIELDS_MAX = 64

export function parseTable(line: string, from: number, to: number): LogLine | null {
  let fields = 0
  let stated: LogLine['stated'] = null
  let start = from
  while (start <= to && fields < FIELDS_MAX) {
    const comma = line.indexOf(',', start)
    const end = comma < 0 || comma > to ? to : comma
    // A space behind a comma belongs to a sentence.
    if (line.charCodeAt(start) === 32) return null
    fields++
    if (stated === null && end - start < 16) {
      const severity = ofWord(line.slice(start, end).replace(/^"(.*)"$/, '$1'))
      if (severity !== null) stated = { severity, start, end }
    }
    if (end === to) break
    start = end + 1
  }
  if (fields < FIELDS_MIN || stated === null) return null
  const message = { start: from, end: to }
  return { format: 'table', time: null, host: null, program: null, message, said: [message], stated }
}
