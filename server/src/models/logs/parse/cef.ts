/**
 * ArcSight's common event format: `CEF:0|vendor|product|version|class|name|severity|key=value …`, severity 0–3 low,
 * 4–6 medium, 7–8 high, 9–10 very high, as a number or as that word.
 */
import { ofValue } from '../levels.ts'
import type { LogLine, Severity } from '../logLine.ts'

export function parseCef(line: string, from: number, to: number): LogLine | null {
  if (!line.startsWith('CEF:', from)) return null
  const bars: number[] = []
  for (let i = from; i < to && bars.length < 7; i++) {
    const c = line.charCodeAt(i)
    if (c === 0x5c) i++
    else if (c === 0x7c) bars.push(i)
  }
  if (bars.length < 7) return null
  const span = { start: bars[5] + 1, end: bars[6] }
  const severity = ofCef(line.slice(span.start, Math.min(span.end, span.start + 12)).trim())
  const message = { start: bars[4] + 1, end: bars[5] }
  return {
    format: 'cef',
    time: null,
    host: null,
    program: { start: bars[1] + 1, end: bars[2] },
    message,
    said: [message],
    stated: severity === null || span.end === span.start ? null : { severity, ...span },
  }
}

function ofCef(value: string): Severity | null {
  if (/^very.high$/i.test(value)) return 2
  if (!/^\d{1,2}$/.test(value)) return ofValue(value)
  const number = Number(value)
  return number > 10 ? null : number >= 7 ? 2 : number >= 4 ? 1 : 0
}
