/**
 * A log line → its parts. Envelopes are taken off first (syslog, the container runtime's, Docker's), then the formats are
 * tried in the order of FORMATS, the most exact first; what no other takes is text with a header.
 *
 * A severity that the inner line states is preferred to its envelope's: the application knows better than the relay.
 * Total, pure, and linear in the line. What stands behind the first LINE_UNITS units is not looked at.
 */
import type { LogLine, LogParser } from './logLine.ts'
import { parseAccessLog } from './parse/accessLog.ts'
import { parseCef } from './parse/cef.ts'
import { parseDevice } from './parse/device.ts'
import { parseEsxi } from './parse/esxi.ts'
import { isDockerEnvelope, parseJson } from './parse/json.ts'
import { parseKlog } from './parse/klog.ts'
import { parseLogcat } from './parse/logcat.ts'
import { parseLogfmt } from './parse/logfmt.ts'
import { parseMongo } from './parse/mongo.ts'
import { parseRedis } from './parse/redis.ts'
import { parseStackTrace } from './parse/stackTrace.ts'
import { syslogHeader } from './parse/syslog.ts'
import { parseTable } from './parse/table.ts'
import { parseText } from './parse/text.ts'
import { skipSpaces, timeAt } from './parse/time.ts'
import { parseWindowsEvent } from './parse/windowsEvent.ts'

/** Texts are no longer than this when they come in; a line read elsewhere is cut here. */
const LINE_UNITS = 20_000

/** Each gives null at once where its mark is missing. */
const FORMATS: readonly LogParser[] = [
  parseJson,
  parseKlog,
  parseLogcat,
  parseRedis,
  parseMongo,
  parseEsxi,
  parseCef,
  parseWindowsEvent,
  parseAccessLog,
]
/** Those that may have a syslog header before them that is no part of them. */
const LOOSE_FORMATS: readonly LogParser[] = [parseStackTrace, parseDevice, parseLogfmt, parseTable]

export function parseLine(line: string): LogLine {
  const to = Math.min(line.length, LINE_UNITS)
  const from = skipSpaces(line, 0, to)
  const runtime = containerHeader(line, from)
  if (runtime > from) {
    const inner = readRest(line, runtime, to)
    return { ...inner, time: inner.time ?? { start: from, end: line.indexOf(' ', from) } }
  }
  return readRest(line, from, to)
}

/** The line behind the container runtime's header, or the whole line. */
function readRest(line: string, from: number, to: number): LogLine {
  const exact = readFormat(line, from, to, FORMATS)
  if (exact !== null) return exact
  const header = syslogHeader(line, from, to)
  if (header === null) return readFormat(line, from, to, LOOSE_FORMATS) ?? parseText(line, from, to)
  const start = skipSpaces(line, header.end, to)
  const inner =
    readFormat(line, start, to, FORMATS) ?? readFormat(line, start, to, LOOSE_FORMATS) ?? parseText(line, start, to)
  const { program, host, time } = header
  return {
    format: inner.format === 'text' ? 'syslog' : inner.format,
    time: time ?? inner.time,
    host: host ?? inner.host,
    program: inner.program ?? program,
    message: inner.message,
    said: program === null || inner.said[0].start < program.end ? inner.said : [program, ...inner.said],
    stated: inner.stated ?? header.stated,
  }
}

function readFormat(line: string, from: number, to: number, formats: readonly LogParser[]): LogLine | null {
  if (isDockerEnvelope(line, from)) {
    const outer = parseJson(line, from, to)
    if (outer === null || outer.stated !== null) return outer
    const { start, end } = outer.message
    if (start === from) return outer
    // What the envelope holds is no second envelope: its quotes are escaped.
    const inner = readRest(line, start, end)
    return { ...inner, time: inner.time ?? outer.time }
  }
  for (const parse of formats) {
    const read = parse(line, from, to)
    if (read !== null) return read
  }
  return null
}

/** 2026-01-02T03:04:05.678901234Z stderr F message, of Kubernetes' runtimes; gives back where the message begins. */
function containerHeader(line: string, from: number): number {
  const time = timeAt(line, from)
  if (time === null || time.start !== from) return from
  STREAM.lastIndex = time.after
  return STREAM.test(line) ? STREAM.lastIndex : from
}

const STREAM = / std(?:out|err) [FP] /y
