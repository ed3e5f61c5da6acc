/**
 * Finds personal data at a place in a folded text (fold.ts). Every detector is bounded (it looks at most REACH code
 * units to either side) and asks for proof where there is one: Luhn's check digit, ISO 7064 for IBANs, ranges for
 * addresses. What has no proof (phones) must have the shape of a phone; a plain number, a time, a date or a version is none.
 */
import { CASED, UNCASED } from './fold.ts'

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

/** The order decides who takes what two could take: an address before a card, a card before a phone. */
export const detectors: readonly Detector[] = [
  { mark: '[email]', begins: '@', atWordStart: false, find: (text, at, from) => findEmail(text, at, at + 1, from) },
  { mark: '[email]', begins: '%', atWordStart: false, find: findEncodedEmail },
  { mark: '[ip]', begins: '0123456789abcdefABCDEF:', atWordStart: true, find: findIpv6 },
  { mark: '[ip]', begins: '123456789', atWordStart: true, find: findIpv4 },
  { mark: '[iban]', begins: '0123456789', atWordStart: false, find: findIban },
  { mark: '[card]', begins: '23456', atWordStart: true, find: findCard },
  { mark: '[phone]', begins: '+', atWordStart: true, find: (text, at) => findInternational(text, at, at + 1) },
  { mark: '[phone]', begins: '%', atWordStart: true, find: findEncodedInternational },
  { mark: '[phone]', begins: '(0123456789', atWordStart: true, find: findPhone },
]

/**
 * What joins with digits to a word: a digit, an underscore, a letter of a script with cases. A letter of another script
 * may touch a number that is one of its own, as in Chinese, where no blanks are written.
 */
export function isWordCode(code: number): boolean {
  return isDigit(code) || isLetter(code) || code === 0x5f || code === CASED
}

export function isDigit(code: number): boolean {
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
 * stand beside an address far more often than in it), or anything in quotes; domain of labels with at least one dot and a
 * last label of two letters or more. `user@host` without a dot is no mail address. Where letters without a case touch an
 * address of letters with one, they are the sentence around it.
 *
 * @param at     of the sign
 * @param after  the sign, which may be written as `%40`
 */
function findEmail(text: string, at: number, after: number, from: number): Found | null {
  const start = startOfLocal(text, at, from)
  if (start === at || text.charCodeAt(at - 1) === 0x2e) return null
  let end = after
  const stop = Math.min(text.length, after + REACH)
  while (end < stop && isDomainCode(text.charCodeAt(end)) && !isSeam(text, end)) end++
  while (end > after && (text.charCodeAt(end - 1) === 0x2e || text.charCodeAt(end - 1) === 0x2d)) end--
  const domain = text.slice(after, end)
  const dot = domain.lastIndexOf('.')
  if (dot < 1 || domain.includes('..') || !TOP_LABEL.test(domain.slice(dot + 1))) return null
  return { start, end }
}

function startOfLocal(text: string, at: number, from: number): number {
  let start = at
  if (at - 1 > from && text.charCodeAt(at - 1) === 0x22) {
    const opening = text.lastIndexOf('"', at - 2)
    return opening >= from && at - opening <= 66 ? opening : at
  }
  while (start > from && at - start < 64 && isLocalCode(text.charCodeAt(start - 1))) {
    if (start < at && isUncased(text.charCodeAt(start - 1)) && !isUncased(text.charCodeAt(start))) break
    start--
  }
  while (start < at && (text.charCodeAt(start) === 0x2e || text.charCodeAt(start) === 0x27)) start++
  return start
}

/** True where a letter without a case follows one with a case or a digit: there no label goes on. */
function isSeam(text: string, at: number): boolean {
  return isUncased(text.charCodeAt(at)) && isWordCode(text.charCodeAt(at - 1))
}

function isUncased(code: number): boolean {
  return code === UNCASED
}

/** In addresses of pages: `ann%40example.com`. */
function findEncodedEmail(text: string, at: number, from: number): Found | null {
  return text.startsWith('%40', at) ? findEmail(text, at, at + 3, from) : null
}

const TOP_LABEL = /^(?:[a-z\u00c0-\uffff]{2,63}|xn--[a-z0-9-]{2,59})$/i

const LOCAL_SIGNS = new Set(Array.from(".%+'-_~", (sign) => sign.charCodeAt(0)))

function isLocalCode(code: number): boolean {
  return isDigit(code) || isLetter(code) || code >= CASED || LOCAL_SIGNS.has(code)
}

function isDomainCode(code: number): boolean {
  return isDigit(code) || isLetter(code) || code >= CASED || code === 0x2e || code === 0x2d
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

/** Characters of an IBAN by country (ISO 13616, registry of 2024). */
const IBAN_CHARS = new Map(
  (
    'NO15 BE16 DK18 FI18 FK18 FO18 GL18 NL18 SD18 MK19 SI19 AT20 BA20 EE20 KZ20 LT20 LU20 MN20 XK20 CH21 HR21 LI21 LV21 ' +
    'BG22 BH22 CR22 DE22 GB22 GE22 IE22 ME22 RS22 VA22 AE23 GI23 IL23 IQ23 OM23 SO23 TL23 AD24 CZ24 ES24 MD24 PK24 RO24 ' +
    'SA24 SE24 SK24 TN24 VG24 LY25 PT25 ST25 IS26 TR26 BI27 DJ27 FR27 GR27 IT27 MC27 MR27 SM27 AL28 AZ28 BY28 CY28 DO28 ' +
    'GT28 HN28 HU28 LB28 NI28 PL28 SV28 BR29 EG29 PS29 QA29 UA29 JO30 KW30 MU30 YE30 MT31 SC31 LC32 RU33'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
)

/**
 * ISO 13616: two letters, two check digits and 11 to 30 letters or digits, together or in groups of four with single
 * blanks, hyphens or dots; the whole number, letters as 10 … 35 and the first four moved to the end, is 1 modulo 97 (ISO
 * 7064). A country that is in the registry has its length, in capitals or not; of others only capitals are proof enough.
 */
function findIban(text: string, at: number, from: number): Found | null {
  const head = headOf(text, at, from)
  if (head === null) return null
  const { start, country, capitals } = head
  const length = IBAN_CHARS.get(country)
  if (length === undefined && !capitals) return null
  const headEnd = at + 2
  let found: Found | null = null
  let rest = 0
  let end = headEnd
  for (let chars = 4; chars < (length ?? 34); ) {
    if (chars % 4 === 0 && isSeparator(text.charCodeAt(end))) end++
    const code = text.charCodeAt(end)
    if (!isDigit(code) && !(isLetter(code) && (!capitals || code < 0x61))) break
    rest = joined(rest, code)
    end++
    chars++
    if (chars >= (length ?? 15) && endsAt(text, end) && moved(rest, country, text, headEnd) === 1)
      found = { start, end }
  }
  return found
}

/** The country before the check digits at `at`. */
function headOf(text: string, at: number, from: number): { start: number; country: string; capitals: boolean } | null {
  const apart = isSeparator(text.charCodeAt(at - 1)) ? 1 : 0
  const start = at - 2 - apart
  if (start < from || !isLetter(text.charCodeAt(start)) || !isLetter(text.charCodeAt(start + 1))) return null
  if (!isDigit(text.charCodeAt(at + 1)) || (start > from && isWordCode(text.charCodeAt(start - 1)))) return null
  const written = text.slice(start, start + 2)
  const country = written.toUpperCase()
  const capitals = written === country
  // "is 24 people": two small letters and a number apart from them are words.
  return apart === 1 && !capitals ? null : { start, country, capitals }
}

/** Stands between groups of an IBAN or a card. */
function isSeparator(code: number): boolean {
  return code === 0x20 || code === 0x2d || code === 0x2e
}

/** The remainder modulo 97 when one more digit or letter (10 … 35) is put behind. */
function joined(rest: number, code: number): number {
  return isDigit(code) ? (rest * 10 + code - 0x30) % 97 : (rest * 100 + (code & 0x1f) + 9) % 97
}

/** The remainder with the country and the two check digits before `headEnd` put behind. */
function moved(rest: number, country: string, text: string, headEnd: number): number {
  const withCountry = joined(joined(rest, country.charCodeAt(0)), country.charCodeAt(1))
  return joined(joined(withCountry, text.charCodeAt(headEnd - 2)), text.charCodeAt(headEnd - 1))
}

/**
 * How payment cards are written: 4-4-4-4 (and 4-4-4-4-3), 4-6-5 (American Express), 4-6-4 (Diners) with blanks, hyphens
 * or dots; or together, 16 digits that begin with 2 to 6, or the other lengths where the issuer's first digits go with
 * them (ISO/IEC 7812). The longer form comes first.
 */
const CARDS: readonly RegExp[] = [
  /(?:5[068]|6\d)\d\d([ .-])\d{4}\1\d{4}\1\d{4}\1\d{3}/y,
  /[2-6]\d{3}([ .-])\d{4}\1\d{4}\1\d{4}|3[0478]\d\d([ .-])\d{6}\2\d{4,5}|(?:[2-6]\d{15}|3[47]\d{13}|3[068]\d{12}|(?:62|5[068]|6[37])\d{15,17}|4\d{12})(?!\d)/y,
]

/**
 * A number of that form that satisfies Luhn's check digit (ISO/IEC 7812-1, annex B). Times in milliseconds or nanoseconds
 * begin with 1; one 64-bit id in three hundred looks like a card, a negative one is none.
 */
function findCard(text: string, at: number, from: number): Found | null {
  if (isPartOfNumber(text, at, from) || followsColumn(text, at, from)) return null
  const grouped = isSeparator(text.charCodeAt(at + 4))
  if (text.charCodeAt(at - 1) === 0x2d && !(grouped && isAfterName(text, at - 1, from))) return null
  for (const form of CARDS) {
    form.lastIndex = at
    if (form.test(text) && proven(text, at, form.lastIndex)) return { start: at, end: form.lastIndex }
  }
  return null
}

/** True where a hyphen ties to a word that is no number, or to nothing: `visa-4111 …`, `– 4111 …`. */
function isAfterName(text: string, hyphen: number, from: number): boolean {
  return hyphen <= from || !(isDigit(text.charCodeAt(hyphen - 1)) || text.charCodeAt(hyphen - 1) === 0x5f)
}

/** True in a row of numbers, `3552 3534 3375`: what stands in columns is nobody's. A year before a card makes no row. */
function followsColumn(text: string, at: number, from: number): boolean {
  if (!followsNumber(text, at, from)) return false
  let first = at - 1
  while (first > from && at - first < 6 && isDigit(text.charCodeAt(first - 1))) first--
  const before = text.slice(first, at - 1)
  return before.length === 4 && !/^(?:19|20)/.test(before)
}

/** True after a number and a blank. */
function followsNumber(text: string, at: number, from: number): boolean {
  return at - from >= 2 && text.charCodeAt(at - 1) === 0x20 && isDigit(text.charCodeAt(at - 2))
}

function proven(text: string, at: number, end: number): boolean {
  return endsAt(text, end) && !isDottedOn(text, end) && isLuhn(text.slice(at, end).replaceAll(/[ .-]/g, ''))
}

function isLuhn(digits: string): boolean {
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 0x30
    sum += i % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2
  }
  return sum % 10 === 0
}

/** National forms that are told from other numbers by their shape, of 8 to 12 digits, by how they begin. */
const IN_BRACKETS: readonly RegExp[] = [
  // North America, Germany, Brazil: (202) 555-0143, (030) 123456, (11) 91234-5678.
  /\([2-9]\d\d\)[-. ]?[2-9]\d\d[-. ]\d{4}/y,
  /\(0[1-9]\d{0,3}\)[-. ]?\d{3,5}(?:[ .-]?\d{2,5}){0,2}/y,
  /\([1-9]\d\) ?9?\d{4}-\d{4}/y,
]
const WITH_TRUNK_ZERO: readonly RegExp[] = [
  // An area code of three to five digits: 030 1234567, 0171/1234567, 020 7946 0958.
  /0[1-9]\d{1,3}(?:[ ./]|-| - | \/ )\d{3,8}(?:[ .-]\d{2,5}){0,2}/y,
  // The same in groups of two and three: 0171/123 45 67, 044 668 18 00, 0471 12 34 56.
  /0[1-9]\d{1,3}[ ./-]\d{2,3}([ .-])\d\d\1\d\d/y,
  // Pairs (01 23 45 67 89) and two-digit areas (03 9876 5432, 03-9876-5432).
  /0[1-9]([ .-])\d\d\1\d\d\1\d\d\1\d\d/y,
  /0[1-9]([ .-])\d{4}\1\d{4}/y,
]
const WITH_ONE: readonly RegExp[] = [
  // North America, China: 1 (202) 555-0143, 1-800-555-0199, 139-1234-5678.
  /1[-. ]\([2-9]\d\d\)[-. ]?[2-9]\d\d[-. ]\d{4}/y,
  /1[-. ][2-9]\d\d([-. ])[2-9]\d\d\1\d{4}/y,
  /1[3-9]\d([ -])\d{4}\1\d{4}/y,
]
/** North America; one separator throughout: 202-555-0143. */
const WITH_AREA: readonly RegExp[] = [/[2-9]\d\d([-. ])[2-9]\d\d\1\d{4}/y]

function shapesFrom(code: number): readonly RegExp[] {
  if (code === 0x28) return IN_BRACKETS
  if (code === 0x30) return WITH_TRUNK_ZERO
  return code === 0x31 ? WITH_ONE : WITH_AREA
}

/** A trunk zero and nothing but digits: 01711234567. Dates and numbers filled up with zeros are shorter or begin with two. */
const BARE_PHONE = /0[1-9]\d{7,10}(?!\d)/y

/** The prefix 00 and a number of a country, with a sign after its code or together. */
const DIALLED_ABROAD = /00(?:[ .-]?[1-9]\d{0,2}[ ()./-]|[1-9]\d{9,12}(?!\d))/y

/**
 * International: `+` or `00` and 8 to 15 digits (ITU-T E.164) with single signs or blanks between; national: the shapes
 * above. Other digits in a row without any sign are not phones.
 */
function findPhone(text: string, at: number, from: number): Found | null {
  if (isPartOfNumber(text, at, from) || followsSign(text, at, from) || followsNumber(text, at, from)) return null
  if (text.startsWith('00', at) && text.charCodeAt(at + 2) !== 0x30) {
    DIALLED_ABROAD.lastIndex = at
    return DIALLED_ABROAD.test(text) ? findInternational(text, at, at + 2) : null
  }
  for (const shape of shapesFrom(text.charCodeAt(at))) {
    const end = endOf(shape, text, at)
    if (end === null) continue
    const digits = countDigits(text, at, end)
    if (digits >= 8 && digits <= 12) return { start: at, end }
  }
  const end = endOf(BARE_PHONE, text, at)
  if (end === null || text.charCodeAt(at - 1) === 0x2d || BOOK_BEFORE.test(text.slice(Math.max(from, at - 10), at)))
    return null
  return { start: at, end }
}

/** Ten digits of a book look like a phone. */
const BOOK_BEFORE = /\bisbn(?:-10)?[\s:]{0,3}$/i

/** Where a phone of that shape ends; null where there is none. */
function endOf(shape: RegExp, text: string, at: number): number | null {
  shape.lastIndex = at
  if (!shape.test(text)) return null
  const end = shape.lastIndex
  return endsAt(text, end) && !goesOn(text, end) ? end : null
}

/** In addresses of pages: `%2B49301234567`. */
function findEncodedInternational(text: string, at: number): Found | null {
  const plus = /%2b/iy
  plus.lastIndex = at
  return plus.test(text) ? findInternational(text, at, at + 3) : null
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
    } else if (code === 0x20 || code === 0x2d || code === 0x2e || code === 0x2f || code === 0x28 || code === 0x29)
      signs++
    else break
  }
  return end === 0 || goesOn(text, end) ? null : { start: at, end }
}
