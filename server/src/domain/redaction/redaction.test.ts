import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { redact } from './redaction.ts'

describe('what is redacted', () => {
  test.each([
    ['Write to ann.lee+shop@mail.example.co.uk today', 'Write to [email] today'],
    ['<bob@example.com>, cc:eve@example.org.', '<[email]>, cc:[email].'],
    ['müller@bücher.example', '[email]'],
    ['mailto:a@xn--bcher-kva.xn--p1ai', 'mailto:[email]'],
    ['card 4111 1111 1111 1111, thanks', 'card [card], thanks'],
    ['4111-1111-1111-1111', '[card]'],
    ['5555555555554444', '[card]'],
    ['amex 3782 822463 10005', 'amex [card]'],
    ['diners 3056 930902 5904', 'diners [card]'],
    ['maestro 6759649826438453 ok', 'maestro [card] ok'],
    ['4111 1111 1111 1111 123', '[card] 123'],
    ['card=4111111111111111 pan:5555555555554444', 'card=[card] pan:[card]'],
    ['unionpay 6240008631401148', 'unionpay [card]'],
    ["'ann@example.org' to=bob@example.org", "'[email]' to=[email]"],
    ['tel:030 1234567', 'tel:[phone]'],
    ['0171/1234567: no answer', '[phone]: no answer'],
    ['IBAN DE89 3704 0044 0532 0130 00.', 'IBAN [iban].'],
    ['GB29NWBK60161331926819', '[iban]'],
    ['NO93 8601 1117 947', '[iban]'],
    ['Failed password from 192.168.1.10 port 22', 'Failed password from [ip] port 22'],
    ['http://10.0.0.1:8080/x', 'http://[ip]:8080/x'],
    ['10.0.0.0/8 is private.', '[ip]/8 is private.'],
    ['at 203.0.113.9.', 'at [ip].'],
    ['rhost=192.0.2.7.dsl.example.net', 'rhost=[ip].dsl.example.net'],
    ['from 2001:db8::ff00:42:8329, refused', 'from [ip], refused'],
    ['[2001:db8::7]:8000', '[[ip]]:8000'],
    ['source:2001:db8::1', 'source:[ip]'],
    ['fe80::1%eth0 up', '[ip] up'],
    ['::ffff:192.0.2.1', '[ip]'],
    ['2001:0db8:85a3:0000:0000:8a2e:0370:7334: timeout', '[ip]: timeout'],
    ['call +49 30 901820 now', 'call [phone] now'],
    ['+1-202-555-0143', '[phone]'],
    ['+1 (202) 555-0143.', '[phone].'],
    ['+442079460958', '[phone]'],
    ['0049 30 901820', '[phone]'],
    ['(202) 555-0143', '[phone]'],
    ['202.555.0143', '[phone]'],
    ['1-800-555-0199', '[phone]'],
    ['030 1234567', '[phone]'],
    ['0171/1234567', '[phone]'],
    ['020 7946 0958', '[phone]'],
    ['01 23 45 67 89', '[phone]'],
    ['03 9876 5432', '[phone]'],
  ])('%s', (text, redacted) => {
    expect(redact(text)).toBe(redacted)
  })
})

describe('what is left alone', () => {
  test.each([
    'Firmware 1.2.3.4 is out', // a version
    'upgraded to v10.0.19041.1',
    'node v26.10.0, npm 11.2.1, 3.14.15.926',
    'version: 2.4.1.0',
    'at 12:34:56 on 2024-01-15',
    '2024-01-15 10:22:33,123 INFO started',
    '2024-01-15T10:22:33.123Z',
    '01-02-2024 10:22:33',
    'Jan  5 03:04:05 host sshd[12345]: ok',
    '[1700000000.123456] eth0: link up',
    'ts=1700000000123 us=1700000000123456 ns=1700000000123456789',
    '1,234,567.89 and 3.14159265358979 and -40 and 1e10',
    '1234567890123456', // sixteen digits that begin with 1
    '4111111111111112', // Luhn says no
    'order 20240115-000123 of 2024/01/15',
    'mac aa:bb:cc:dd:ee:ff',
    'std::vector<int>, Bad::Cafe, a::b',
    '@ann and ann@localhost, git@ and @ home',
    'C++11, 5+5=10, +5 points, +100%',
    'IPv4 256.1.1.1 and 1.2.3 and 1.2.3.4.5 and 01.02.03.04',
    'DE88370400440532013000', // one off: ISO 7064 says no
    'block blk_-6952295868487656571 of 64 MB', // passes Luhn's check, as one id in ten does
    '081110 010354 5184 INFO dfs.DataNode',
    '[0701/114930:WARNING:dns.cc(88)]',
    'Fan speeds ( 3552 3534 3375 4530 3515 3479 )',
    'amd64~~6.1.1.0, State: 112',
    '0.0.0.0:22 127.0.0.1 255.255.255.0 ::1 [::]:80',
    'ratio 16:9, score 3:2, port :8080',
    'range 100-200-3000, 192.168.1, 5.5.5',
    'The battery died after two days, but support was lovely :)',
    '550e8400-e29b-41d4-a716-446655440000',
    '018f2f6e-7c1a-7b3c-9d4e-0123456789ab',
    'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    '0x0171 0001234567 0123456789012345',
  ])('%s', (text) => {
    expect(redact(text)).toBe(text)
  })
})

/** Texts made of the very characters that the detectors look at, so that near misses abound. */
const tricky = fc
  .array(
    fc.constantFrom(
      ...Array.from('0123456789abfF:.@+-()/ ,%_DEé\ud83d\u0000'),
      '::',
      '192.0.2.1',
      '4111 1111 1111 1111',
      'a@b.co',
      '+49 30 901820',
      '202-555-0143',
      'DE89370400440532013000',
      '2001:db8::1',
      'de89370400440532013000',
      '%40',
      '%2B',
      '"',
      '\u00a0',
      '\u2011',
      '\u200b',
      '\u0301',
      '\u0661',
      '\uff11',
      '\u{1d7d9}',
      '\u4e00',
      'v',
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(''))

/** Any UTF-16 code units, halves of pairs among them. */
const anyUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 })
  .map((units) => String.fromCharCode(...units))

test('redacting twice changes nothing', () => {
  fc.assert(
    fc.property(fc.oneof(tricky, anyUnits), (text) => {
      const once = redact(text)
      expect(redact(once)).toBe(once)
    }),
    { numRuns: 3000 },
  )
})

test('everything outside a mark is the text, in order', () => {
  fc.assert(
    fc.property(tricky, (text) => {
      let from = 0
      for (const part of redact(text).split(/\[(?:email|phone|card|iban|ip)\]/)) {
        const at = text.indexOf(part, from)
        expect(at).toBeGreaterThanOrEqual(from)
        from = at + part.length
      }
    }),
    { numRuns: 2000 },
  )
})

test('an address between words is always found', () => {
  const octet = fc.integer({ min: 0, max: 255 })
  fc.assert(
    fc.property(octet, octet, octet, octet, (a, b, c, d) => {
      fc.pre(a !== 0 && a !== 127 && a !== 255)
      expect(redact(`peer ${a}.${b}.${c}.${d} left`)).toBe('peer [ip] left')
    }),
  )
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      fc.pre(/\d/.test(address) && address !== '::' && address !== '::1')
      expect(redact(`peer ${address} left`)).toBe('peer [ip] left')
    }),
  )
})

test('a number with a valid check digit is found in any of its forms', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 6 }),
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 14, maxLength: 14 }),
      (first, rest) => {
        const body = [first, ...rest]
        // The check digit makes the sum of the doubled digits a multiple of ten.
        const sum = body
          .reverse()
          .reduce((s, digit, i) => s + (i % 2 === 0 ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit), 0)
        const card = `${body.reverse().join('')}${(10 - (sum % 10)) % 10}`
        expect(redact(`paid ${card} now`)).toBe('paid [card] now')
        expect(redact(`paid ${card.match(/..../g)?.join('-')} now`)).toBe('paid [card] now')
      },
    ),
  )
})

const repeated = (unit: string) => unit.repeat(Math.ceil(20_000 / unit.length)).slice(0, 20_000)

describe('time is linear: 20,000 characters of the worst kinds take a few milliseconds', () => {
  test.each([
    '1',
    '1 ',
    '1.',
    '1.1.1.1.',
    ':',
    '::',
    'a:',
    '1:',
    '@',
    'a@',
    'a.',
    'a@a.',
    '+',
    '+1',
    '+1 ',
    '(',
    '(202) 555-',
    '0',
    '01 ',
    '0171 ',
    'DE89',
    'DE89 ',
    'A1',
    '4111 ',
    '4',
    '-',
    ' ',
    'ä',
    '\ud83d',
    'f::1',
    'a%40',
    '%2B1',
    '"@',
    '"a@',
    'de89',
    'de89 ',
    'DE-89-',
    '0171234567 ',
    '00',
    '0049',
    '\u00a0',
    '\u0661',
    '\uff11\u2011',
    '1\u200b',
    '\u0301',
    'a\u0301@',
    '\u4e00@',
    'a\u4e00.',
    '\u{1d7ce}',
    '\u202e',
  ])('%j', (unit) => {
    const text = repeated(unit)
    redact(text)
    // CPU time, so that a busy machine does not count. A quadratic pass over 20,000 code units takes seconds.
    const begun = process.cpuUsage()
    redact(text)
    const { user, system } = process.cpuUsage(begun)
    expect((user + system) / 1000).toBeLessThan(100)
  })
})
