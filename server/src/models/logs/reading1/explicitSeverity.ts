/**
 * The severity that a log line states about itself, and the stretch of it that says so.
 *
 * A stated severity is a field of the line's format, never a word of its prose: "ERROR: disk full" states one,
 * "0 errors", "error_count=0", "no ERROR found" and "the log level is WARN" state none. Formats are tried in the
 * order of FORMS, the most exact first, so `<30>… app: level=error` is critical, as the application says, and not
 * information, as the relay says.
 */

/** 0 info, 1 warning, 2 critical: the index into the labels of the severity task. */
export type Severity = 0 | 1 | 2

export interface ExplicitSeverity {
  readonly severity: Severity
  /** UTF-16 offsets into the line; `end` is exclusive. */
  readonly start: number
  readonly end: number
}

/** What states a severity stands near the head of a line; looking no further bounds the work. */
const HEAD_UNITS = 400

export function explicitSeverity(line: string): ExplicitSeverity | null {
  const head = line.length > HEAD_UNITS ? line.slice(0, HEAD_UNITS) : line
  for (const { pattern, read } of FORMS) {
    pattern.lastIndex = 0
    for (let match = pattern.exec(head); match !== null; match = pattern.exec(head)) {
      const severity = read(
        match.groups?.['level'] ?? '',
        head.slice(0, match.index),
        head.slice(match.index + match[0].length),
      )
      if (severity !== null) return { severity, start: match.index, end: match.index + match[0].length }
    }
  }
  return null
}

interface Form {
  /** Global; its group `level` is what is read. Each is linear in the line. */
  readonly pattern: RegExp
  /** null: the match states nothing. */
  readonly read: (level: string, before: string, after: string) => Severity | null
}

const WORDS: Readonly<Record<string, Severity>> = {
  emerg: 2,
  emergency: 2,
  panic: 2,
  alert: 2,
  crit: 2,
  critical: 2,
  fatal: 2,
  severe: 2,
  error: 2,
  err: 2,
  ftl: 2,
  eror: 2,
  warn: 1,
  warning: 1,
  wrn: 1,
  notice: 0,
  info: 0,
  inf: 0,
  information: 0,
  informational: 0,
  debug: 0,
  dbg: 0,
  trace: 0,
  trc: 0,
  verbose: 0,
  fine: 0,
  finer: 0,
  finest: 0,
  config: 0,
  log: 0,
}

/** Letters of logcat, klog and bracketed levels. */
const LETTERS: Readonly<Record<string, Severity>> = { F: 2, A: 2, C: 2, E: 2, W: 1, N: 0, I: 0, D: 0, V: 0, T: 0 }

const UPPER =
  'EMERG(?:ENCY)?|PANIC|ALERT|CRIT(?:ICAL)?|FATAL|SEVERE|ERROR|ERR|WARN(?:ING)?|NOTICE|INFO|DEBUG|TRACE|VERBOSE'
const LOWER =
  'emerg(?:ency)?|panic|alert|crit(?:ical)?|fatal|severe|error|err|warn(?:ing)?|notice|info(?:rmation(?:al)?)?|debug|trace|verbose'
const FACILITIES = 'kern|user|mail|daemon|auth|authpriv|syslog|lpr|news|uucp|cron|ftp|local[0-7]'

const FORMS: readonly Form[] = [
  // Cisco: %LINK-3-UPDOWN: · %ASA-4-106023: · %PLATFORM_ENV-SP-1-FAN:
  { pattern: /%[A-Z][A-Z0-9_]*(?:-[A-Z0-9_]+){0,3}?-(?<level>[0-7])-[A-Z0-9_]+/g, read: ofSyslog },
  // Huawei: %%01IFNET/4/LINK_STATE(l) · H3C, Comware: SHELL/5/SHELL_LOGIN: · %%10IFNET/3/PHY_UPDOWN
  { pattern: /(?:%%\d\d|\b)[A-Z][A-Z0-9_]{1,30}\/(?<level>[0-7])\/[A-Z][A-Za-z0-9_]+/g, read: ofSyslog },
  // level=error · severity="WARNING" · "level":"warn" · log.level: ERROR
  {
    pattern:
      /(?<![\w-])"?(?:log\.?|log_?)?(?:level|lvl|severity|severity_?text|level_?name|loglevel|log_?level)"?(?:=|\s?:\s?)["'[]?(?<level>[A-Za-z]{3,13})\b["'\]]?/gi,
    read: ofWord,
  },
  // pino, bunyan: "level":50 · journald: "PRIORITY":"3" · GELF: "level":3 is a syslog number, and below 8
  { pattern: /"level"\s?:\s?"?(?<level>\d{1,2})\b"?/g, read: ofLevelNumber },
  { pattern: /"?\bPRIORITY"?\s?[=:]\s?"?(?<level>[0-7])\b"?/g, read: ofSyslog },
  // logcat: 03-17 16:13:38.811  1702  2395 D Tag: · E/Tag(123):
  { pattern: /^\d\d-\d\d \d\d:\d\d:\d\d\.\d+ +\d+ +\d+ (?<level>[VDIWEFA])(?= )/g, read: ofLetter },
  { pattern: /^(?<level>[VDIWEF])\/[\w.$-]{1,60}(?:\( *\d+\))?:/g, read: ofLetter },
  // klog, glog: E0115 12:34:56.789012   1 file.go:12]
  { pattern: /(?:^|(?<=[\s|]))(?<level>[IWEF])\d{4} \d\d:\d\d:\d\d\.\d+/g, read: ofLetter },
  // redis: 1:M 12 Nov 2019 08:11:31.066 # …
  { pattern: /^\d+:[XCSM] .{11,24}\d (?<level>[.\-*#])(?= )/g, read: (level) => (level === '#' ? 1 : 0) },
  // logread, MikroTik: daemon.err · system,error,critical
  { pattern: new RegExp(`(?<![\\w.-])(?:${FACILITIES})\\.(?<level>${LOWER})\\b`, 'g'), read: ofWord },
  { pattern: /^(?:[a-z0-9-]+,){1,3}(?<level>critical|error|warning|info|debug)\b/g, read: ofWord },
  // [error] · [ssl:warn] · <info> · (EE) · [E] · [ERROR  ] · |WARN|
  {
    pattern: new RegExp(
      `[[<(|]\\s?(?:[a-z_]{1,20}:)?(?<level>${UPPER}|${LOWER}|WRN|ERR|INF|DBG|TRC|FTL)\\s*[\\]>)|]`,
      'gi',
    ),
    read: ofBracketed,
  },
  { pattern: /[[(](?<level>[EWIDFCNV])[\])](?=\s|$)/g, read: ofLetter },
  { pattern: /\((?<level>EE|WW|II|\*\*|==)\)/g, read: (level) => (level === 'EE' ? 2 : level === 'WW' ? 1 : 0) },
  // 2026-01-01 12:00:00,123 ERROR [main] … · postgres: FATAL:  … · LOG:  …
  { pattern: new RegExp(`(?<![\\w.=/'"-])(?<level>${UPPER})(?![\\w.=/'"-])`, 'g'), read: ofUpperCase },
  { pattern: /(?<=^|\]:? |\d |@\w{1,40} )(?<level>LOG)(?=: {2})/g, read: () => 0 },
  // CBS and others: 2016-09-28 04:30:31, Info      CBS
  {
    pattern:
      /(?<=^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[,.]?\d*,? +)(?<level>Info|Warning|Error|Debug|Warn|Critical|Fatal)(?= {2}|\t)/g,
    read: ofWord,
  },
  // error: … · Warning: … · kernel panic - … · dotnet's fail: and warn:
  { pattern: /\bkernel panic(?= - )/gi, read: () => 2 },
  { pattern: /^(?<level>fail|dbug|trce)(?=: )/g, read: (level) => (level === 'fail' ? 2 : 0) },
  { pattern: new RegExp(`(?<=^|[\\]:>|)] |\\d\\d |\\d[Z,] )(?<level>${LOWER})(?=: )`, 'gi'), read: ofPrefix },
  // RFC 3164 and 5424: <11>1 2026-…
  {
    pattern: /^<(?<level>\d{1,3})>/g,
    read: (level) => (Number(level) < 192 ? ofSyslog(String(Number(level) & 7)) : null),
  },
]

/** 0 emergency, 1 alert, 2 critical, 3 error | 4 warning | 5 notice, 6 information, 7 debug (RFC 5424, table 2). */
function ofSyslog(level: string): Severity {
  const number = Number(level)
  return number <= 3 ? 2 : number === 4 ? 1 : 0
}

function ofWord(level: string): Severity | null {
  return WORDS[level.toLowerCase()] ?? null
}

function ofLetter(level: string): Severity | null {
  return LETTERS[level] ?? null
}

/** pino's 10 … 60, or a syslog number. */
function ofLevelNumber(level: string): Severity | null {
  const number = Number(level)
  if (number < 8) return ofSyslog(level)
  return number >= 50 ? 2 : number >= 40 ? 1 : number >= 10 ? 0 : null
}

/** "(error)" and "(info)" in the middle of prose are remarks: round brackets count only near the head. */
function ofBracketed(level: string, before: string, after: string): Severity | null {
  if (after.startsWith('(') || /["'=]$/.test(before)) return null
  return before.length > 120 ? null : ofWord(level)
}

/** Words before a level in capitals that make it part of a sentence. */
const SENTENCE =
  /(?:^|[^A-Za-z])(?:no|not|non|zero|without|any|an?|the|this|that|is|was|are|were|be|been|to|of|on|in|at|for|with|by|from|as|if|or|and|level|levels|set|got|get|gets|returns?|returned|returning|receive[ds]?|code|last|previous|some|many|more|each|every|all|print|log|status:?|state:?)\s+$/i

function ofUpperCase(level: string, before: string, after: string): Severity | null {
  if (SENTENCE.test(before) || /(?:^|[^\d:.,])0 $/.test(before)) return null
  if (
    /^\s+(?:COUNT|RATE|LEVEL|LOG|MESSAGES?|HANDL|COUNTERS?|CODE|count|rate|level|messages?|handl|code|counters?|correct)/.test(
      after,
    )
  )
    return null
  // "ALERT 1" is one of several lamps on a panel.
  if (level === 'ALERT' && /^\s+\d/.test(after)) return null
  // Far behind the head it is most likely a word in capitals, not a level.
  const words = before.match(/(?<![\w.:/@-])[a-z]{2,}(?![\w.:/@[-])/g)
  return words !== null && words.length > 3 ? null : ofWord(level)
}

/** "error: 0", "warnings: none" and "info: …" as a key are no levels. */
function ofPrefix(level: string, _before: string, after: string): Severity | null {
  return /^:\s+(?:0|none|null|false|no|nil|ok|success)\b/i.test(after) ? null : ofWord(level)
}
