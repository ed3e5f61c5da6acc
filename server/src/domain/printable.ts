/**
 * What a terminal acts on instead of showing it: control characters (C0 but line ends and tabs, DEL, C1), separators of
 * lines and paragraphs, and marks that turn the direction of what follows (Unicode, UAX 9).
 */
// oxlint-disable-next-line no-control-regex -- control characters are what it is about
const ACTED_ON = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/**
 * A text from elsewhere as a terminal may get it: what would be acted on is written as JSON writes it, `\u001b`, so that
 * JSON stays the same JSON.
 */
export function printable(text: string): string {
  return text.replace(ACTED_ON, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The same on one line. */
export function printableLine(text: string): string {
  return printable(text.replace(/\r\n|[\r\n\t]/g, ' '))
}
