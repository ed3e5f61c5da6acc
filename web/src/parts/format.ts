/** Figures as people read them. Numbers keep the same width while they change, so that nothing on the page jumps. */

const THIN = '\u202f'
const MINUS = '\u2212'

const grouped = new Intl.NumberFormat('en-GB')

/** A share as per cent. What is not whole is never shown as 0 or 100 %. */
export function percent(share: number, digits = 1): string {
  const least = 10 ** -digits
  const value = share * 100
  if (share > 0 && value < least / 2) return `<${THIN}${least.toFixed(digits)}${THIN}%`
  if (share < 1 && 100 - value < least / 2) return `>${THIN}${(100 - least).toFixed(digits)}${THIN}%`
  return `${value.toFixed(digits)}${THIN}%`
}

/** A number with its sign, also when positive; what rounds to zero has none. */
export function signed(value: number, digits = 2): string {
  const text = Math.abs(value).toFixed(digits)
  if (Number(text) === 0) return text
  return (value < 0 ? MINUS : '+') + text
}

export function count(value: number): string {
  return grouped.format(value)
}

/** 1 noun, 2 nouns. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** Milliseconds with about two significant digits. */
export function milliseconds(value: number): string {
  if (value >= 1000) return `${(value / 1000).toFixed(1)}${THIN}s`
  if (value >= 10) return `${value.toFixed(0)}${THIN}ms`
  return `${value.toFixed(value >= 1 ? 1 : 2)}${THIN}ms`
}

/** Decimal units, as disks are sold. */
export function bytes(value: number): string {
  if (value < 1000) return `${value}${THIN}B`
  if (value < 1e6) return `${(value / 1e3).toFixed(1)}${THIN}kB`
  if (value < 1e9) return `${(value / 1e6).toFixed(1)}${THIN}MB`
  return `${(value / 1e9).toFixed(1)}${THIN}GB`
}

const two = (value: number): string => String(value).padStart(2, '0')
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Time of day in the reader's zone; with the day when it is not the day of `now`. */
export function clock(iso: string, now: number): string {
  const at = new Date(iso)
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  return at.toDateString() === new Date(now).toDateString() ? time : `${at.getDate()} ${MONTHS[at.getMonth()]} ${time}`
}

/** The whole date and time in the reader's zone, to the minute. */
export function dateTime(iso: string): string {
  const at = new Date(iso)
  return `${at.getDate()} ${MONTHS[at.getMonth()]} ${at.getFullYear()}, ${two(at.getHours())}:${two(at.getMinutes())}`
}

/** How long ago, in the largest unit that fits. A clock that is ahead reads as "just now". */
export function ago(iso: string, now: number): string {
  const seconds = Math.floor((now - Date.parse(iso)) / 1000)
  if (seconds < 10) return 'just now'
  if (seconds < 60) return `${seconds}${THIN}s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}${THIN}min ago`
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)}${THIN}h ago`
  return counted(Math.floor(seconds / 86_400), 'day') + ' ago'
}

/** A confidence in plain words. The bounds at 60 and 80 % are those of the health snapshot. */
export function sureness(confidence: number): string {
  if (confidence >= 0.95) return 'almost certain'
  if (confidence >= 0.8) return 'confident'
  if (confidence >= 0.6) return 'fairly sure'
  if (confidence >= 0.45) return 'leaning'
  return 'torn'
}

/** First letter large, the rest as the model names it. */
export function titled(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
