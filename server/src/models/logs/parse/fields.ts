/** What the keys of structured lines stand for, in JSON and in logfmt alike. */
import {
  ofHttpStatus,
  ofLevelNumber,
  ofOpenTelemetry,
  ofPythonNumber,
  ofSyslog,
  ofValue,
  ofWindows,
} from '../levels.ts'
import type { LogFormat, LogLine, Severity, Span, StatedSeverity } from '../logLine.ts'

type Role =
  | 'level'
  | 'python'
  | 'otel'
  | 'priority'
  | 'time'
  | 'host'
  | 'program'
  | 'message'
  | 'trouble'
  | 'request'
  | 'status'

const ROLES: ReadonlyMap<string, Role> = new Map<string, Role>([
  ...keys(
    'level',
    'level lvl severity sev severitytext severity_text loglevel log_level log.level @level @l levelname level_name syslog_severity severity_label',
  ),
  ...keys('python', 'levelno'),
  ...keys('otel', 'severitynumber severity_number'),
  ...keys('priority', 'priority pri prio syslog_level'),
  ...keys('time', 'time ts timestamp @timestamp @t t date datetime asctime eventtime __realtime_timestamp'),
  ...keys('host', 'host hostname _hostname host.name devname computer'),
  ...keys('program', 'logger program app service service.name syslog_identifier component logger_name source_name'),
  ...keys('message', 'msg message @m @mt log short_message full_message textpayload body event event.original text'),
  ...keys('request', 'request uri url path method request_uri request_method referer referrer http.method cs-uri'),
  ...keys('status', 'status status_code statuscode http.status_code response_code sc-status'),
  ...keys(
    'trouble',
    'error err exception reason cause error_message error.message errormessage error_msg errmsg exc_info fault stderr',
  ),
])

function keys(role: Role, names: string): [string, Role][] {
  return names.split(' ').map((name) => [name, role])
}

const KEY_UNITS = 24

/** Gathers the fields of one line; the first one of a kind counts, and of levels a word before a number. */
export class Fields {
  time: Span | null = null
  host: Span | null = null
  program: Span | null = null
  message: Span | null = null
  /** The object is an event of Windows, whose levels have numbers of their own. */
  isWindows = false
  /** An HTTP status counts where a request is told of, and nothing else states a severity. */
  private isRequest = false
  private status: StatedSeverity | null = null
  private word: StatedSeverity | null = null
  private number: StatedSeverity | null = null
  private readonly troubles: Span[] = []

  /**
   * @param span  the value, without quotes
   * @param from  where the field begins, with its key
   * @param to    where it ends
   * @param plain whether the value is a string or a number, and not an object or a list
   */
  take(line: string, key: string, span: Span, from: number, to: number, plain: boolean): void {
    if (key.length > KEY_UNITS) return
    const role = ROLES.get(key) ?? ROLES.get(key.toLowerCase())
    if (role === undefined || span.end === span.start) {
      if (key === 'EventID' || key === 'EventId' || key === 'EventRecordID') this.isWindows = true
      return
    }
    switch (role) {
      case 'time':
      case 'host':
      case 'program':
        if (plain) this[role] ??= span
        break
      case 'message':
        if (plain) this.message ??= span
        break
      case 'trouble':
        if (plain && !isNothing(line, span) && this.troubles.length < TROUBLES_MAX) this.troubles.push(span)
        break
      case 'request':
        this.isRequest = true
        break
      case 'status':
        if (plain) this.status ??= ofStatus(line, span, from, to)
        break
      default:
        if (plain)
          this.level(role, unescaped(line.slice(span.start, Math.min(span.end, span.start + LEVEL_UNITS))), from, to)
    }
  }

  private level(role: 'level' | 'python' | 'otel' | 'priority', value: string, start: number, end: number): void {
    const word = ofValue(value)
    if (word !== null) this.word ??= { severity: word, start, end }
    else if (/^\d{1,3}$/.test(value)) {
      const severity = this.isWindows && role === 'level' ? ofWindows(Number(value)) : ofNumber(role, Number(value))
      if (severity !== null) this.number ??= { severity, start, end }
    }
  }

  get stated(): StatedSeverity | null {
    return this.word ?? this.number ?? this.answered
  }

  private get answered(): StatedSeverity | null {
    return this.isRequest && this.troubles.length === 0 ? this.status : null
  }

  /** @param numbers whether a level may be a number: in logfmt `level=7` is a measurement as often */
  line(format: LogFormat, whole: Span, numbers: boolean): LogLine {
    const said = [this.message, ...this.troubles].filter((span) => span !== null).sort((a, b) => a.start - b.start)
    const { time, host, program } = this
    return {
      format,
      time,
      host,
      program,
      message: this.message ?? whole,
      said: this.message === null ? [whole] : said,
      troubles: this.troubles,
      stated: numbers ? this.stated : (this.word ?? this.answered),
    }
  }
}

function ofStatus(line: string, span: Span, start: number, end: number): StatedSeverity | null {
  const value = line.slice(span.start, Math.min(span.end, span.start + 4))
  const severity = /^[1-5]\d\d$/.test(value) ? ofHttpStatus(Number(value)) : null
  return severity === null ? null : { severity, start, end }
}

const TROUBLES_MAX = 8
/** A level in its longest spelling, every letter escaped. */
const LEVEL_UNITS = 80

/** \\u0065rror → error. */
function unescaped(value: string): string {
  return value.includes('\\')
    ? value.replace(/\\u([0-9a-fA-F]{4})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    : value.trim()
}

function ofNumber(role: 'level' | 'python' | 'otel' | 'priority', value: number): Severity | null {
  switch (role) {
    case 'python':
      return ofPythonNumber(value)
    case 'otel':
      return ofOpenTelemetry(value)
    case 'priority':
      return value < 8 ? ofSyslog(value) : null
    case 'level':
      return ofLevelNumber(value)
    default:
      return role satisfies never
  }
}

/** error=null, "err":"", failure=none: nothing happened. */
export function isNothing(line: string, { start, end }: Span): boolean {
  return end - start <= 9 && NOTHING.test(line.slice(start, end))
}

const NOTHING = /^(?:null|nil|none|no|false|0|ok|success|undefined|n\/a|-|<nil>|\(null\)|\{\}|\[\]|""|'')?$/i
