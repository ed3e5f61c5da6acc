/**
 * What a log line is made of. Every part is a span of the line as it was sent, so nothing is copied before somebody
 * asks for it, and an explanation can point at it.
 */

/** UTF-16 offsets into the line; `end` is exclusive. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** 0 info, 1 warning, 2 critical: the index into the labels of the severity task. */
export type Severity = 0 | 1 | 2

/** The severity that a line states about itself, and the stretch that says so. */
export interface StatedSeverity extends Span {
  readonly severity: Severity
}

export type LogFormat =
  | 'access'
  | 'cef'
  | 'device'
  | 'esxi'
  | 'json'
  | 'klog'
  | 'logcat'
  | 'logfmt'
  | 'mongo'
  | 'redis'
  | 'syslog'
  | 'table'
  | 'text'
  | 'trace'
  | 'windows'

export interface LogLine {
  /** The innermost format that was recognised: JSON behind a syslog header is `json`. */
  readonly format: LogFormat
  readonly time: Span | null
  readonly host: Span | null
  /** What wrote the line: a program, a logger, a service. */
  readonly program: Span | null
  /** What it said: the line behind its header, or the value of the message's key, escapes and all. */
  readonly message: Span
  /** The stretches that speak: the message, what is beside it as an error, the program. Ascending, disjoint. */
  readonly said: readonly Span[]
  /** Fields that are called error and are not empty, of a structured line. */
  readonly troubles?: readonly Span[]
  /** null: the line states no severity. */
  readonly stated: StatedSeverity | null
}

/**
 * Reads a line, or its rest behind an envelope, in one format; null where it is another one. Total and pure, and
 * linear in `to − from`.
 */
export type LogParser = (line: string, from: number, to: number) => LogLine | null
