/** Where a timestamp ends that begins at a place of a line. Every pattern is sticky and bounded. */

const clock = '\\d{1,2}[:.]\\d\\d[:.]\\d\\d(?:[.,:]\\d{1,9})?'
const month = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}'
const zone = '(?: ?(?:Z|UTC|GMT|CES?T|[+-]\\d\\d:?\\d\\d|[ECMP][SD]T)(?![A-Za-z0-9]))?'

/** What begins with a digit. */
const NUMERIC = new RegExp(
  [
    // 2026-01-02T03:04:05.678Z · 2026/01/02 03:04:05 · 2005-06-03-15.42.50.675872 · 2026-01-02
    `\\d{4}[-/.]\\d\\d[-/.]\\d\\d(?:(?:[Tt_:-]|,? {1,2})${clock}${zone})?`,
    // 17/06/09 20:10:40 · 11/20/2026 3:04:05 PM · 20/Nov/2026:10:00:00 +0000 · 01-Jan-2026 00:00:00 UTC
    `\\d{1,2}[/.-](?:\\d{1,2}|${month})[/.-]\\d{2,4}[ :,]{1,2}${clock}(?: [AaPp][Mm])?${zone}`,
    // 20 Nov 2026 10:00:00.123 · 12 Nov 08:11:31
    `\\d{1,2} ${month},? (?:\\d{4},? )?${clock}${zone}`,
    // 03-17 16:13:38.811
    `\\d\\d[-/]\\d\\d ${clock}`,
    // 081109 203518 · 20171223-22:15:29:606 · 20260102T030405Z
    `\\d{6} \\d{6}(?=[ ,])|\\d{8}[-T ]?(?:${clock}|\\d{6})${zone}`,
    // 12:00:00.123
    `${clock}(?: [AaPp][Mm])?${zone}`,
    // Seconds, milliseconds, microseconds, nanoseconds since 1970.
    '1\\d{9}(?:\\.\\d{1,9})?(?![\\d.A-Za-z])|1\\d{12}(?!\\d)|1\\d{15}(?!\\d)|1\\d{18}(?!\\d)',
  ].join('|'),
  'y',
)

/** What begins with a letter: Nov 20 10:00:00 · Mon Nov 20 10:00:00.123456 2026 · Jan 01, 2026 10:00:00 AM */
const NAMED = new RegExp(
  `(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? )?(?:${month} {1,2}\\d{1,2},?(?: \\d{4})?,? ${clock}|\\d{1,2} ${month},? \\d{4} ${clock})` +
    `(?: [AaPp][Mm])?(?: \\d{4}(?![\\d-]))?${zone}`,
  'y',
)

/** The end of the timestamp at `at`, or `at` where there is none. */
export function endOfTime(line: string, at: number): number {
  const c = line.charCodeAt(at)
  const pattern = c >= 48 && c <= 57 ? NUMERIC : c >= 65 && c <= 87 ? NAMED : null
  if (pattern === null) return at
  // Several formats ask for the same place of the same line, one after another.
  if (line === askedLine && at === askedAt) return answered
  pattern.lastIndex = at
  askedLine = line
  askedAt = at
  answered = pattern.test(line) ? pattern.lastIndex : at
  return answered
}

let askedLine = ''
let askedAt = -1
let answered = 0

/** The timestamp at `at`, perhaps between brackets, or behind the marks of Cisco's clocks; null where there is none. */
export function timeAt(line: string, at: number): { start: number; end: number; after: number } | null {
  let start = at
  const open = line[start]
  if (open === '[' || open === '*' || open === '.' || open === '(') start++
  while (line[start] === ' ' && start - at < 8) start++
  let end = endOfTime(line, start)
  if (end === start && open === '[') end = endOfUptime(line, start)
  if (end === start) return null
  const close = open === '[' ? ']' : open === '(' ? ')' : ''
  if (close === '') return { start, end, after: end }
  return line[end] === close ? { start, end, after: end + 1 } : null
}

/** [   12.345678] of the kernel: seconds since it began. */
const UPTIME = /\d{1,9}\.\d{3,9}(?=\])/y

function endOfUptime(line: string, at: number): number {
  UPTIME.lastIndex = at
  return UPTIME.test(line) ? UPTIME.lastIndex : at
}

export function skipSpaces(line: string, at: number, to: number): number {
  let i = at
  while (i < to) {
    const c = line.charCodeAt(i)
    if (c === 0x1b) i = endOfColour(line, i, to)
    else if (c === 32 || c === 9 || c === 0xfeff) i++
    else break
  }
  return i
}

/** Behind ESC [ … m; a lone ESC is one unit. */
export function endOfColour(line: string, at: number, to: number): number {
  let i = at + 1
  if (line.charCodeAt(i) !== 0x5b) return i
  const last = Math.min(to, i + 16)
  for (i++; i < last; i++) {
    const c = line.charCodeAt(i)
    if (c >= 0x40 && c <= 0x7e) return i + 1
  }
  return at + 1
}
