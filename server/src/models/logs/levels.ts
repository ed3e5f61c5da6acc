/** The words, letters and numbers by which formats state a severity, each with the standard that says so. */
import type { Severity } from './logLine.ts'

const WORDS: ReadonlyMap<string, Severity> = new Map<string, Severity>([
  ...list(2, 'emerg emergency panic alert crit critical crt fatal ftl severe error err eror'),
  ...list(1, 'warn warning wrn'),
  // OpenTelemetry's finer names: WARN4.
  ...list(2, 'error2 error3 error4 fatal2 fatal3 fatal4'),
  ...list(1, 'warn2 warn3 warn4'),
  ...list(0, 'info2 info3 info4 debug2 debug3 debug4 trace2 trace3 trace4'),
  ...list(0, 'notice ntc info inf information informational debug debg dbg dbug trace trc trce verbose'),
])

/** Only as the value of a severity's key: X.733 alarms and vendors' words, which are ordinary words elsewhere. */
const VALUES: ReadonlyMap<string, Severity> = new Map<string, Severity>([
  ...WORDS,
  ...list(2, 'major high blocker urgent fault failure dpanic'),
  ...list(1, 'minor medium moderate caution'),
  ...list(0, 'low normal cleared note default log fine finer finest config trivia silly http success ok unspecified'),
])

/** Only in capitals or in brackets: java.util.logging, MariaDB, systemd's console. */
const CAPITALS: ReadonlyMap<string, Severity> = new Map<string, Severity>([
  ...WORDS,
  ...list(0, 'fine finer finest config'),
])
const BRACKETED: ReadonlyMap<string, Severity> = new Map<string, Severity>([
  ...CAPITALS,
  ...list(2, 'failed'),
  ...list(1, 'depend'),
  ...list(0, 'note system ok'),
])

function list(severity: Severity, words: string): [string, Severity][] {
  return words.split(' ').map((word) => [word, severity])
}

/** Longer words are no levels; looking no further keeps a hostile value cheap. */
const WORD_UNITS = 13

export function ofWord(word: string): Severity | null {
  return look(WORDS, word)
}

/** The value of a key that is called level or severity. */
export function ofValue(word: string): Severity | null {
  return look(VALUES, word)
}

export function ofCapitals(word: string): Severity | null {
  return look(CAPITALS, word)
}

export function ofBracketed(word: string): Severity | null {
  return look(BRACKETED, word)
}

function look(words: ReadonlyMap<string, Severity>, word: string): Severity | null {
  return word.length < 2 || word.length > WORD_UNITS ? null : (words.get(word.toLowerCase()) ?? null)
}

/** glog, klog, logcat, mongo, absl: the first letter of the level. */
export function ofLetter(letter: string): Severity | null {
  switch (letter) {
    case 'F':
    case 'A':
    case 'C':
    case 'E':
      return 2
    case 'W':
      return 1
    case 'N':
    case 'I':
    case 'D':
    case 'V':
    case 'T':
      return 0
    default:
      return null
  }
}

/** 0 emergency, 1 alert, 2 critical, 3 error | 4 warning | 5 notice, 6 information, 7 debug (RFC 5424, table 2). */
export function ofSyslog(number: number): Severity {
  return number <= 3 ? 2 : number === 4 ? 1 : 0
}

/** 10 trace … 60 fatal of bunyan and pino; below 8 a syslog number, as GELF has it; 100 … 600 of monolog. */
export function ofLevelNumber(number: number): Severity | null {
  if (!Number.isInteger(number) || number < 0) return null
  if (number < 8) return ofSyslog(number)
  if (number >= 100) return number > 600 ? null : number >= 400 ? 2 : number >= 300 ? 1 : 0
  return number < 10 || number > 60 ? null : number >= 50 ? 2 : number >= 40 ? 1 : 0
}

/** Python's logging: 10 debug, 20 info, 30 warning, 40 error, 50 critical. */
export function ofPythonNumber(number: number): Severity | null {
  return number >= 40 ? 2 : number >= 30 ? 1 : number >= 0 ? 0 : null
}

/** OpenTelemetry's SeverityNumber: 1–12 up to INFO4, 13–16 WARN, 17–24 ERROR and FATAL; 0 is unspecified. */
export function ofOpenTelemetry(number: number): Severity | null {
  if (number < 1 || number > 24) return null
  return number >= 17 ? 2 : number >= 13 ? 1 : 0
}

/** Windows: 1 critical, 2 error, 3 warning, 4 information, 5 verbose; 0 logs always. */
export function ofWindows(number: number): Severity | null {
  if (!Number.isInteger(number) || number < 0 || number > 5) return null
  return number === 1 || number === 2 ? 2 : number === 3 ? 1 : 0
}

/** HTTP: only an answer 5xx says that the server failed, and it failed one request; the client's mistakes are 4xx. */
export function ofHttpStatus(status: number): Severity | null {
  if (!Number.isInteger(status) || status < 100 || status > 599) return null
  return status >= 500 ? 1 : 0
}
