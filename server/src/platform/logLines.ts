/** Log lines for a person: pino's JSON as one line of words, for a terminal. */

const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
}
const COLOURS: Readonly<Record<string, string>> = { warn: '\u001b[33m', error: '\u001b[31m', fatal: '\u001b[31m' }
const OFF = '\u001b[0m'
/** What every line of pino has, and a person at the terminal knows. */
const KNOWN = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'v'])

/**
 * @param line one line of pino's JSON
 * @returns `14:02:31 warn  cannot reach the store  why="no such host"`, in local time, with a line end; a line that is not
 *   pino's as it is
 */
export function logLine(line: string, colour: boolean): string {
  const entry = parsed(line)
  if (entry === null) return line
  const { level, time, msg } = entry
  const name = LEVELS[Number(level)] ?? String(level)
  const at = new Date(Number(time))
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':')
  const paint = colour ? COLOURS[name] : undefined
  const facts = Object.entries(entry).flatMap(([key, value]) => (KNOWN.has(key) ? [] : [`${key}=${worded(value)}`]))
  const head = `${clock} ${name.padEnd(5)} ${escaped(typeof msg === 'string' ? msg : '')}`
  const text = [head.trimEnd(), ...facts].join('  ')
  return paint === undefined ? `${text}\n` : `${paint}${text}${OFF}\n`
}

function parsed(line: string): Record<string, unknown> | null {
  try {
    const entry: unknown = JSON.parse(line)
    return typeof entry === 'object' && entry !== null && 'level' in entry && 'time' in entry ? { ...entry } : null
  } catch {
    return null
  }
}

/** A word as it is; anything with spaces, quotes or control characters in JSON's quotes. */
function worded(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"=\p{C}]+$/u.test(value)) return value
  return escaped(JSON.stringify(value) ?? String(value))
}

/** Control characters and direction marks as their escapes: a logged text must not drive the terminal. */
function escaped(text: string): string {
  return text.replace(/\p{C}/gu, (c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`)
}
