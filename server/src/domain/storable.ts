/** PostgreSQL has no U+0000 in text, and neither database keeps half a surrogate pair: both become U+FFFD. */
export function storable<T extends string | null>(text: T): T
export function storable(text: string | null): string | null {
  if (text === null) return null
  const whole = text.isWellFormed() ? text : text.toWellFormed()
  return whole.includes('\0') ? whole.replaceAll('\0', '\uFFFD') : whole
}
