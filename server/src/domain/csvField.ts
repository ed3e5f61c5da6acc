/** One field of a CSV that Barometer writes (RFC 4180): in quotes where it must be, quotes inside of it doubled. */
export function csvField(value: string): string {
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value
}

/** A text that a spreadsheet would run as a formula gets an apostrophe in front (OWASP, CSV injection). */
export function inertInSpreadsheets(value: string): string {
  return /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
}
