/**
 * Finds personal data at a place in a text. Every detector is bounded (it looks at most REACH code units to either
 * side) and asks for proof where there is one: Luhn's check digit, ISO 7064 for IBANs, ranges for addresses. What has
 * no proof (phones) must have the shape of a phone; a plain number, a time, a date or a version is none.
 */
export interface Found {
  readonly start: number
  /** Exclusive. */
  readonly end: number
}

export interface Detector {
  readonly mark: string
  /** The characters at which it can be found: nothing else is asked about the rest of a text. */
  readonly begins: string
  /** Asked only at the beginning of a word (an `@` stands in the middle of one). */
  readonly atWordStart: boolean
  /** `from`: where the text begins that is not part of an earlier finding. */
  readonly find: (text: string, at: number, from: number) => Found | null
}

/** Longest local part of an address (RFC 5321, 4.5.3.1.1) is 64, longest domain 255: nothing looks further. */
const REACH = 255

const CAPITALS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** The order decides who takes what two could take: an address before a card, a card before a phone. */
export const detectors: readonly Detector[] = [
  { mark: '[email]', begins: '@', atWordStart: false, find: findEmail },
  { mark: '[ip]', begins: '0123456789abcdefABCDEF:', atWordStart: true, find: findIpv6 },
  { mark: '[ip]', begins: '123456789', atWordStart: true, find: findIpv4 },
  { mark: '[iban]', begins: CAPITALS, atWordStart: true, find: findIban },
  { mark: '[card]', begins: '23456', atWordStart: true, find: findCard },
  { mark: '[phone]', begins: '+', atWordStart: true, find: (text, at) => findInternational(text, at, at + 1) },
  { mark: '[phone]', begins: '(0123456789', atWordStart: true, find: findPhone },
]

/** A letter, digit or underscore, in any script. */
export function isWordCode(code: number): boolean {
  return isDigit(code) || isLetter(code) || code === 0x5f || code >= 0xc0
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

function isLetter(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)
}

/** True where a finding may end: at the end of the text or before something that is no part of a word. */
function endsAt(text: string, end: number): boolean {
  return end >= text.length || !isWordCode(text.charCodeAt(end))
}

/**
 * `local@domain.tld`: local of letters (any script), digits and `.%+'-_~`, at most 64 (RFC 5322 allows more signs, which
 * stand beside an address far more often than in it); domain of labels with at least one dot and a last label of two
 * letters or more. `user@host` without a dot is no mail address.
 */
function findEmail(text: string, at: number, from: number): Found | null {
  let start = at
  while (start > from && at - start < 64 && isLocalCode(text.charCodeAt(start - 1))) start--
  while (start < at && (text.charCodeAt(start) === 0x2e || text.charCodeAt(start) === 0x27)) start++
  if (start === at || text.charCodeAt(at - 1) === 0x2e) return null
  let end = at + 1
  const stop = Math.min(text.length, at + 1 + REACH)
  while (end < stop && isDomainCode(text.charCodeAt(end))) end++
  while (end > at + 1 && (text.charCodeAt(end - 1) === 0x2e || text.charCodeAt(end - 1) === 0x2d)) end--
  const domain = text.slice(at + 1, end)
  const dot = domain.lastIndexOf('.')
  if (dot < 1 || domain.includes('..') || !TOP_LABEL.test(domain.slice(dot + 1))) return null
  return { start, end }
}

const TOP_LABEL = /^(?:[a-z\u00c0-\uffff]{2,63}|xn--[a-z0-9-]{2,59})$/i

const LOCAL_SIGNS = new Set(Array.from(".%+'-_~", (sign) => sign.charCodeAt(0)))

function isLocalCode(code: number): boolean {
  return isDigit(code) || isLetter(code) || code >= 0xc0 || LOCAL_SIGNS.has(code)
}

function isDomainCode(code: number): boolean {
  return isDigit(code) || isLetter(code) || code >= 0xc0 || code === 0x2e || code === 0x2d
}

const IPV4 = /(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)/y
const VERSION_BEFORE =
  /(?:\bv|\b(?:version|ver|release|rel|firmware|build|upgraded to|updated to)[\s:=#-]{0,3}v?|~)\.?$/i

/**
 * Four numbers from 0 to 255 without leading zeros, not part of a longer dotted number, not announced as a version
 * (`v1.2.3.4`, `version 1.2.3.4`, `firmware: 10.2.0.1`, `amd64~~6.1.1.0`). A port or prefix length after it stays, and so do
 * 0.0.0.0, 127.0.0.1 and 255.255.255.0, which identify no person.
 */
function findIpv4(text: string, at: number, from: number): Found | null {
  if (isPartOfNumber(text, at, from)) return null
  IPV4.lastIndex = at
  if (!IPV4.test(text)) return null
  const end = IPV4.lastIndex
  if (!endsAt(text, end) || isDottedOn(text, end)) return null
  if (text.startsWith('127.', at) || text.startsWith('255.', at)) return null
  if (VERSION_BEFORE.test(text.slice(Math.max(from, at - 20), at))) return null
  return { start: at, end }
}

/** True where the digit at `at` continues a number: `3.14` at the 1, `1,234` at the 2. */
function isPartOfNumber(text: string, at: number, from: number): boolean {
  if (at - from < 2) return false
  const before = text.charCodeAt(at - 1)
  return (before === 0x2e || before === 0x2c) && isDigit(text.charCodeAt(at - 2))
}

/** True where `.` and a digit follow: the dotted number goes on. A name may follow (`192.0.2.7.dsl.example.net`). */
function isDottedOn(text: string, end: number): boolean {
  return text.charCodeAt(end) === 0x2e && isDigit(text.charCodeAt(end + 1))
}

/** Longest IPv6 address in text: eight groups of four, or six and a dotted quad (RFC 4291, 2.2). */
const IPV6_CHARS = 45

/**
 * RFC 4291 text forms: eight groups, or fewer with one `::`, the last two perhaps as a dotted quad. Asks for a decimal
 * digit, so that the `::` of program text (`std::vector`, `Bad::Cafe`) is none. A zone (`%eth0`) goes with it. Times and
 * MAC addresses have too few groups.
 */
function findIpv6(text: string, at: number, from: number): Found | null {
  let group = at
  while (group - at < 4 && isHex(text.charCodeAt(group))) group++
  if (text.charCodeAt(group) !== 0x3a || continuesAddress(text, at, from)) return null
  let end = at
  let colons = 0
  let digits = 0
  for (; end < text.length && isIpv6Code(text.charCodeAt(end)); end++) {
    if (end - at === IPV6_CHARS) return null
    if (text.charCodeAt(end) === 0x3a) colons++
    else if (isDigit(text.charCodeAt(end))) digits++
  }
  if (colons < 2 || digits === 0) return null
  while (end > at && text.charCodeAt(end - 1) === 0x2e) end--
  // "at 2001:db8::1: refused": one colon at the end belongs to the sentence.
  if (text.charCodeAt(end - 1) === 0x3a && text.charCodeAt(end - 2) !== 0x3a) end--
  if (!endsAt(text, end) || !isIpv6(text.slice(at, end)) || text.slice(at, end) === '::1') return null
  const zone = /%[A-Za-z0-9_.-]{1,15}/y
  zone.lastIndex = end
  return { start: at, end: zone.test(text) ? zone.lastIndex : end }
}

function isIpv6Code(code: number): boolean {
  return isHex(code) || code === 0x3a || code === 0x2e
}

function isHex(code: number): boolean {
  return isDigit(code) || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x66)
}

/** True after `abcd:` or `::`, where an address that began earlier would go on; `source:2001:db8::1` begins one. */
function continuesAddress(text: string, at: number, from: number): boolean {
  if (at - from < 2 || text.charCodeAt(at - 1) !== 0x3a) return false
  if (text.charCodeAt(at - 2) === 0x3a) return true
  let group = at - 1
  while (group > from && at - group <= 5 && isHex(text.charCodeAt(group - 1))) group--
  const chars = at - 1 - group
  return chars >= 1 && chars <= 4 && (group === from || !isWordCode(text.charCodeAt(group - 1)))
}

function isIpv6(address: string): boolean {
  const halves = address.split('::')
  if (halves.length > 2) return false
  let groups = 0
  for (const [h, half] of halves.entries()) {
    if (half === '') continue
    const parts = half.split(':')
    for (const [p, part] of parts.entries()) {
      const last = h === halves.length - 1 && p === parts.length - 1
      if (last && part.includes('.')) {
        if (!isDottedQuad(part)) return false
        groups += 2
      } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups++
      else return false
    }
  }
  return halves.length === 2 ? groups <= 7 : groups === 8
}

function isDottedQuad(part: string): boolean {
  IPV4.lastIndex = 0
  return IPV4.test(part) && IPV4.lastIndex === part.length
}

/**
 * ISO 13616: two capitals, two check digits and 11 to 30 capitals or digits, together or in groups of four with single
 * blanks; the whole number, letters as 10 … 35 and the first four moved to the end, is 1 modulo 97 (ISO 7064).
 */
function findIban(text: string, at: number): Found | null {
  const head = /[A-Z]{2}\d\d/y
  head.lastIndex = at
  if (!head.test(text)) return null
  let found: Found | null = null
  let rest = 0
  let end = at + 4
  for (let chars = 4; chars < 34; ) {
    if (chars % 4 === 0 && text.charCodeAt(end) === 0x20) end++
    const code = text.charCodeAt(end)
    if (!isDigit(code) && !(code >= 0x41 && code <= 0x5a)) break
    rest = joined(rest, code)
    end++
    chars++
    if (chars >= 15 && endsAt(text, end) && moved(rest, text, at) === 1) found = { start: at, end }
  }
  return found
}

/** The remainder modulo 97 when one more digit or letter (10 … 35) is put behind. */
function joined(rest: number, code: number): number {
  return isDigit(code) ? (rest * 10 + code - 0x30) % 97 : (rest * 100 + code - 0x37) % 97
}

/** The remainder with the four characters at `at` put behind. */
function moved(rest: number, text: string, at: number): number {
  for (let i = 0; i < 4; i++) rest = joined(rest, text.charCodeAt(at + i))
  return rest
}

/**
 * How payment cards are written: 4-4-4-4, 4-6-5 (American Express), 4-6-4 (Diners) with blanks or hyphens; or together, 16
 * digits that begin with 2 to 6, or the other lengths where the issuer's first digits go with them (ISO/IEC 7812).
 */
const CARD =
  /[2-6]\d{3}([ -])\d{4}\1\d{4}\1\d{4}|3[0478]\d\d([ -])\d{6}\2\d{4,5}|(?:[2-6]\d{15}|3[47]\d{13}|3[068]\d{12}|(?:62|5[068]|6[37])\d{15,17}|4\d{12})(?!\d)/y

/**
 * A number of that form that satisfies Luhn's check digit (ISO/IEC 7812-1, annex B). Times in milliseconds or nanoseconds
 * begin with 1; one 64-bit id in three hundred looks like a card.
 */
function findCard(text: string, at: number, from: number): Found | null {
  if (isPartOfNumber(text, at, from) || followsNumber(text, at, from) || text.charCodeAt(at - 1) === 0x2d) return null
  CARD.lastIndex = at
  return CARD.test(text) && proven(text, at, CARD.lastIndex) ? { start: at, end: CARD.lastIndex } : null
}

/** True in a row of numbers, `3552 3534 3375`: figures in columns are no personal data. */
function followsNumber(text: string, at: number, from: number): boolean {
  return at - from >= 2 && text.charCodeAt(at - 1) === 0x20 && isDigit(text.charCodeAt(at - 2))
}

function proven(text: string, at: number, end: number): boolean {
  return endsAt(text, end) && !isDottedOn(text, end) && isLuhn(text.slice(at, end).replaceAll(/[ -]/g, ''))
}

function isLuhn(digits: string): boolean {
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 0x30
    sum += i % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2
  }
  return sum % 10 === 0
}

/** National forms that are told from other numbers by their shape. Digits in a row without any sign are not phones. */
const PHONES: readonly RegExp[] = [
  // North America: (202) 555-0143, 202-555-0143, 1-800-555-0199; one separator throughout.
  /(?:1[-. ])?\([2-9]\d\d\) ?[2-9]\d\d[-. ]\d{4}/y,
  /(?:1[-. ])?[2-9]\d\d([-. ])[2-9]\d\d\1\d{4}/y,
  // A trunk zero and an area code of three to five digits: 030 1234567, 0171/1234567, 020 7946 0958, (030) 123456.
  /\(0[1-9]\d{1,3}\) ?\d{3,5}(?:[ -]?\d{2,5})?/y,
  /0[1-9]\d{1,3}(?:[ /]|-| - )\d{3,8}(?:[ -]\d{2,5}){0,2}/y,
  // Pairs (01 23 45 67 89) and two-digit areas (03 9876 5432).
  /0[1-9]([ .-])\d\d\1\d\d\1\d\d\1\d\d/y,
  /0[1-9] \d{4} \d{4}/y,
]

/**
 * International: `+` or `00 ` and 8 to 15 digits (ITU-T E.164) with single signs or blanks between; national: the shapes
 * above, of 8 to 12 digits.
 */
function findPhone(text: string, at: number, from: number): Found | null {
  if (isPartOfNumber(text, at, from) || followsSign(text, at, from) || followsNumber(text, at, from)) return null
  if (text.startsWith('00', at) && text.charCodeAt(at + 2) !== 0x30) {
    const found = /00[ -]?[1-9]\d{0,2}[ ()/-]/y
    found.lastIndex = at
    return found.test(text) ? findInternational(text, at, at + 2) : null
  }
  for (const shape of PHONES) {
    shape.lastIndex = at
    if (!shape.test(text)) continue
    const end = shape.lastIndex
    const digits = countDigits(text, at, end)
    if (digits >= 8 && digits <= 12 && endsAt(text, end) && !goesOn(text, end)) return { start: at, end }
  }
  return null
}

/** True where a sign ties the number to what stands before: `2024-01-15`, `a/b`, `12:30`. */
function followsSign(text: string, at: number, from: number): boolean {
  if (at - from < 2) return false
  const sign = text.charCodeAt(at - 1)
  const before = text.charCodeAt(at - 2)
  return ((sign === 0x2d || sign === 0x2f) && isWordCode(before)) || (sign === 0x3a && isDigit(before))
}

/** True where the number is not at its end: `.5`, `,000`, `-07`, `/2`, and `:` before anything but a blank. */
function goesOn(text: string, end: number): boolean {
  const sign = text.charCodeAt(end)
  const after = text.charCodeAt(end + 1)
  if (sign === 0x3a) return end + 1 < text.length && after !== 0x20
  return (sign === 0x2e || sign === 0x2d || sign === 0x2f || sign === 0x2c) && isDigit(after)
}

function countDigits(text: string, at: number, end: number): number {
  let digits = 0
  for (let i = at; i < end; i++) if (isDigit(text.charCodeAt(i))) digits++
  return digits
}

/** 15 digits, and no more signs between them than a person would write. */
const INTERNATIONAL_CHARS = 32

function findInternational(text: string, at: number, from: number): Found | null {
  let digits = 0
  let signs = 0
  let end = 0
  const stop = Math.min(text.length, from + INTERNATIONAL_CHARS)
  for (let i = from; i < stop && signs <= 2; i++) {
    const code = text.charCodeAt(i)
    if (isDigit(code)) {
      signs = 0
      digits++
      // A group that would make it too long is a number of its own.
      if (digits > 15) break
      if (digits >= 8 && endsAt(text, i + 1)) end = i + 1
    } else if (
      code === 0x20 ||
      code === 0xa0 ||
      code === 0x2d ||
      code === 0x2e ||
      code === 0x2f ||
      code === 0x28 ||
      code === 0x29
    )
      signs++
    else break
  }
  return end === 0 || goesOn(text, end) ? null : { start: at, end }
}
