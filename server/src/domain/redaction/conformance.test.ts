/** What is found, whatever it is typeset in: kind × separator × script × neighbours, as data. */
import { describe, expect, test } from 'vitest'
import { redact } from './redaction.ts'

/** `_` stands for a separator, digits for the digits of any script. */
const forms: readonly {
  readonly kind: string
  readonly written: readonly string[]
  readonly apart: readonly string[]
}[] = [
  {
    kind: '[card]',
    written: ['4111_1111_1111_1111', '3782_822463_10005', '3056_930902_5904', '6212_3456_7890_0000_003'],
    apart: ['', ' ', '-', '.'],
  },
  {
    kind: '[iban]',
    written: [
      'DE89_3704_0044_0532_0130_00',
      'GB29_NWBK_6016_1331_9268_19',
      'NO93_8601_1117_947',
      'FR14_2004_1010_0505_0001_3M02_606',
      'MT84_MALT_0110_0001_2345_MTLC_AST0_01S',
    ],
    apart: ['', ' ', '-', '.'],
  },
  {
    kind: '[phone]',
    written: [
      '+49_30_901820',
      '+1_202_555_0143',
      '+44_(0)20_7946_0958',
      '0049_30_901820',
      '001_202_555_0143',
      '0171_1234567',
      '030_901820',
      '020_7946_0958',
      '(030)_1234567',
      '(202)_555-0143',
      '202_555_0143',
      '01_23_45_67_89',
      '03_9876_5432',
      '044_668_18_00',
      '090_1234_5678',
    ],
    apart: [' ', '-', '.'],
  },
  {
    kind: '[phone]',
    written: ['+4930901820', '004930901820', '01711234567', '030901820', '07700900123', '0123456789', '09012345678'],
    apart: [''],
  },
  { kind: '[ip]', written: ['192_168_1_10', '8_8_8_8', '203_0_113_9'], apart: ['.'] },
  { kind: '[ip]', written: ['2001_db8__ff00_42_8329', 'fe80__1', '__ffff_192.0.2.1'], apart: [':'] },
  { kind: '[email]', written: ['ann_lee@mail_example', 'ann_lee7@mail2_example'], apart: ['.'] },
]

/** How a separator may look. */
const looks: Readonly<Record<string, readonly string[]>> = {
  '': [''],
  ' ': [' ', '\u00a0', '\u2002', '\u2003', '\u2007', '\u2009', '\u200a', '\u202f', '\u3000', '\u200e ', '\u200b '],
  '-': ['-', '\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2015', '\u2212', '\uff0d'],
  '.': ['.', '\u2024', '\uff0e'],
  ':': [':', '\uff1a'],
}

/** The zero of each script. */
const zeros: Readonly<Record<string, number>> = {
  ASCII: 0x30,
  'full-width': 0xff10,
  'Arabic-Indic': 0x660,
  Persian: 0x6f0,
  Devanagari: 0x966,
  Bengali: 0x9e6,
  Thai: 0xe50,
  Khmer: 0x17e0,
  'mathematical bold': 0x1d7ce,
  'mathematical monospace': 0x1d7f6,
}

/** What may stand before and behind. */
const neighbours: readonly (readonly [before: string, after: string])[] = [
  ['', ''],
  ['a ', ' b'],
  ['(', ')'],
  ['[', ']'],
  ['"', '"'],
  ['\u201c', '\u201d'],
  ['\u201e', '\u201c'],
  ['«', '»'],
  ['<', '>'],
  ['=', ','],
  ['tel:', ';'],
  [': ', '.'],
  ['? ', '!'],
  ['\n', '\n'],
  ['\r\n', '\r\n'],
  ['\t', '\t'],
  ['号码', '谢谢'],
  ['電話は', 'です。'],
  ['번호', '입니다'],
  ['โทร', 'ครับ'],
  ['\u3001', '\u3002'],
  ['，', '！'],
  ['🙂', '🙂'],
  ['☎\ufe0f', '…'],
  ['\u202a', '\u202c'],
  ['\ufeff', '\u200b'],
  ['2024-01-15 ', ''],
].map(([before, after]) => [before, after] as const)

function inScript(text: string, zero: number): string {
  return text.replaceAll(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)))
}

function* everyWriting(): Generator<{ kind: string; written: string }> {
  for (const { kind, written, apart } of forms)
    for (const form of written)
      for (const sign of apart) for (const look of looks[sign]) yield { kind, written: form.replaceAll('_', look) }
}

/** Where one of many fails, the list of those that did says more than the first. */
function failures(cases: Iterable<readonly [text: string, redacted: string]>): string[] {
  let asked = 0
  const failed: string[] = []
  for (const [text, redacted] of cases) {
    asked++
    const got = redact(text)
    if (got !== redacted) failed.push(`${JSON.stringify(text)} → ${JSON.stringify(got)}`)
  }
  expect(asked).toBeGreaterThan(0)
  return failed
}

describe('personal data is found', () => {
  test('with separators of every kind', () => {
    expect(failures([...everyWriting()].map(({ kind, written }) => [`at ${written} now`, `at ${kind} now`]))).toEqual(
      [],
    )
  })

  test.each(Object.entries(zeros))('in %s digits', (_script, zero) => {
    const cases = [...everyWriting()].map(({ kind, written }) => [inScript(written, zero), kind] as const)
    // Hexadecimal digits and the letters of an address stay as they are: only the digits are of that script.
    expect(failures(cases)).toEqual([])
  })

  test.each(neighbours)('between %j and %j', (before, after) => {
    const cases = [...everyWriting()]
      // "is that a phone?": no check digit says so of a row of figures behind a figure.
      .filter(({ kind, written }) => !/\d $/.test(before) || kind !== '[phone]' || written.startsWith('+'))
      .map(({ kind, written }) => [before + written + after, before + kind + after] as const)
    expect(failures(cases)).toEqual([])
  })

  test.each([
    ['in small letters', 'de89370400440532013000 and gb29 nwbk 6016 1331 9268 19', '[iban] and [iban]'],
    ['in letters of both sizes', 'De89 3704 0044 0532 0130 00', '[iban]'],
    ['with a blank before the check digits', 'DE 89 3704 0044 0532 0130 00', '[iban]'],
    ['in full-width letters', '\uff24\uff25\uff18\uff19370400440532013000', '[iban]'],
    ['of a country that is not in the registry', 'ZZ33 0123 4567 8901 2345', '[iban]'],
    ['with joiners inside', '41\u200b11 11\u00ad11 1111 111\u20601', '[card]'],
    [
      'of a card behind its name',
      'visa-4111-1111-1111-1111, in 2024 4111 1111 1111 1111',
      'visa-[card], in 2024 [card]',
    ],
    ['of a card behind its date', 'exp 12/27 4111 1111 1111 1111', 'exp 12/27 [card]'],
    ['of an address with the full-width sign', 'ann\uff20mail\uff0eexample', '[email]'],
    [
      'of an address in the address of a page',
      '/find?q=ann%40mail.example&to=%2B4930901820',
      '/find?q=[email]&to=[phone]',
    ],
    ['of an address in quotes', '"ann lee"@mail.example', '[email]'],
    ['of an address of accents on letters of their own', 'mu\u0308ller@bu\u0308cher.example', '[email]'],
    ['of an address in Chinese', '写给用户@例子.公司', '[email]'],
    ['of an address in a Chinese sentence', '请写ann@mail.example谢谢', '请写[email]谢谢'],
    ['of a Brazilian phone', '(11) 91234-5678', '[phone]'],
    ['of a Chinese phone', '139-1234-5678', '[phone]'],
    ['of keycaps', '0\ufe0f\u20e31\ufe0f\u20e371 1234567', '[phone]'],
  ])('%s', (_what, text, redacted) => {
    expect(redact(text)).toBe(redacted)
  })
})

describe('what is no personal data is left alone', () => {
  const plain = [
    '2024\u201101\u201115', // a date with no-break hyphens
    '15\u00a001\u00a02024',
    '1\u00a0234\u00a0567,89 €',
    '10\u202f000\u202f000',
    'order 00012345678',
    'order 0001 2345 678',
    'ISBN 0306406152, ISBN-10: 0306406152',
    'isbn 978-0-306-40615-7',
    '12–14 and 2019–2024',
    '第12号 3.14.15.926',
    'v1.2.3.4',
    'is 24 people who were in 12 rooms of 300',
    'at16 characters of nothing in particular here',
    'id-4111111111111111', // a 64-bit id with a sign
    '4111 1111 1111 1112',
    'de88370400440532013000',
    '０.１２３４５６７８９',
    '0.0123456789',
    '1,0123456789',
    '12:30:45.012345678',
    '٢٠٢٤-٠١-١٥',
    '00:1a:2b:3c:4d:5e',
    'deadbeef01234567890abcdef',
    'x0171234567',
    'привет1711234567',
  ]
  test.each(plain)('%s', (text) => {
    expect(redact(text)).toBe(text)
  })
})
