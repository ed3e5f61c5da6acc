import { fold } from './fold.ts'
import type { Detector } from './personalData.ts'
import { detectors, isDigit, isWordCode } from './personalData.ts'

/** What the log keeps of a text: all of it, all but personal data, or only its keyed hash. */
export type KeepText = 'full' | 'redacted' | 'hash'

/** A mark ends a word, so a pass can uncover a finding beside one; more than a few in a row exist only in hostile text. */
const PASSES_MAX = 4

/**
 * Puts a mark in the place of every e-mail address, phone number, payment card, IBAN, IPv4 and IPv6 address:
 * `[email]`, `[phone]`, `[card]`, `[iban]`, `[ip]`.
 *
 * However it is typeset: in the digits of any script, with blanks and hyphens of any kind (fold.ts). Each detector looks
 * at a bounded stretch around a place where its kind can begin, so the time is linear in the
 * length, whatever the text. What a detector takes and leaves is in personalData.ts.
 */
export function redact(text: string): string {
  let before = text
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    const after = redactOnce(before)
    if (after === before) break
    before = after
  }
  return before
}

function redactOnce(original: string): string {
  const folded = fold(original)
  if (folded === null) return original
  const { text, places } = folded
  let out = ''
  /** Up to where `text` and `original` are dealt with. */
  let kept = 0
  let copied = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const asked = code < byCode.length ? byCode[code] : undefined
    if (asked === undefined) continue
    const before = at === kept ? 0 : text.charCodeAt(at - 1)
    // Nothing begins inside a number.
    if (isDigit(code) && isDigit(before)) continue
    const startsWord = !isWordCode(before)
    for (const detector of asked) {
      if (detector.atWordStart && !startsWord) continue
      const found = detector.find(text, at, kept)
      if (found === null) continue
      out += original.slice(copied, places === null ? found.start : places[found.start]) + detector.mark
      copied = places === null ? found.end : endOf(original, places[found.end - 1])
      kept = found.end
      at = found.end - 1
      break
    }
  }
  return kept === 0 ? original : out + original.slice(copied)
}

/** Where what stands at `place` ends: a digit may be a pair. */
function endOf(original: string, place: number): number {
  return place + ((original.codePointAt(place) ?? 0) > 0xffff ? 2 : 1)
}

/** [128] The detectors to ask at each ASCII character, in their order. */
const byCode: readonly (readonly Detector[] | undefined)[] = Array.from({ length: 128 }, (_, code) => {
  const asked = detectors.filter(({ begins }) => begins.includes(String.fromCharCode(code)))
  return asked.length === 0 ? undefined : asked
})
