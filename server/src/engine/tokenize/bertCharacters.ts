/**
 * What BERT's normaliser and pre-tokeniser make of each character, one code point at a time.
 *
 * They are four steps over a whole text (drop control characters, set CJK ideographs apart, strip accents, lower the
 * case) and a split at white space and around punctuation. Every step looks at one code point alone, so that their
 * product can be kept in a table. Rules: huggingface/tokenizers, normalizers/bert.rs and pre_tokenizers/bert.rs, after
 * Devlin et al. 2018, BERT, tokenization.py.
 */

export interface BertRules {
  /** Drop control characters; every white space becomes a space. */
  readonly cleanText: boolean
  /** Set CJK ideographs apart. */
  readonly handleChinese: boolean
  readonly stripAccents: boolean
  readonly lowercase: boolean
}

/** What a character does to the words around it. */
export const kinds = {
  /** Part of a word; as long as it is in the text, and there it is what `lowered` gives. */
  plain: 0,
  /** Ends a word, and is no part of one. */
  space: 1,
  /** A word of its own: punctuation and ideographs. It stays as it is. */
  alone: 2,
  /** Anything else: ask `normalised` what becomes of it. */
  special: 3,
} as const
export type Kind = (typeof kinds)[keyof typeof kinds]

export interface BertCharacters {
  /** Of a UTF-16 code unit; halves of surrogate pairs are special. */
  kindOf(unit: number): Kind
  /** The text in which the plain characters are what the words are made of; null where its places have moved. */
  lowered(text: string): string | null
  /** What becomes of a code point: nothing, or characters of words, with a space at each place where words part. */
  normalised(codePoint: number): string
}

const KNOWN_MAX = 4096
const UNMET = 255

export function bertCharacters(rules: BertRules): BertCharacters {
  /** [65,536] filled as the characters are met: most of Unicode never is. */
  const met = new Uint8Array(0x10000).fill(UNMET)
  /** The few that texts are made of. */
  const known = new Map<number, string>()
  return {
    kindOf(unit) {
      if (met[unit] === UNMET) met[unit] = kindOfUnit(unit, rules)
      return met[unit] as Kind // the array holds nothing else by now
    },
    lowered(text) {
      if (!rules.lowercase) return text
      const lower = text.toLowerCase()
      // Only İ grows; then the places after it are no longer those of the text.
      return lower.length === text.length ? lower : null
    },
    normalised(codePoint) {
      let found = known.get(codePoint)
      if (found === undefined) {
        found = normalise(codePoint, rules)
        if (known.size >= KNOWN_MAX) known.clear()
        known.set(codePoint, found)
      }
      return found
    },
  }
}

function kindOfUnit(unit: number, rules: BertRules): Kind {
  if (unit >= 0xd800 && unit < 0xe000) return kinds.special
  const given = String.fromCharCode(unit)
  const made = normalise(unit, rules)
  if (made === ' ') return kinds.space
  if (made === ` ${given} `) return kinds.alone
  // In a whole text the sigma at the end of a word is lowered to ς; by itself it is σ, and that is what counts here.
  const plain = rules.lowercase && unit !== SIGMA ? given.toLowerCase() : given
  return made === plain ? kinds.plain : kinds.special
}

const SIGMA = 0x3a3

function normalise(codePoint: number, rules: BertRules): string {
  let text = String.fromCodePoint(codePoint)
  if (isYoung(codePoint)) return text
  const former = FORMER[codePoint]
  if (former === 'punctuation') return ` ${text} `
  if (former === 'accent') return rules.stripAccents ? '' : text
  if (rules.cleanText) {
    if (isDropped(codePoint, text)) return ''
    if (WHITE_SPACE.test(text)) return ' '
  }
  const parted = rules.handleChinese && isIdeograph(codePoint)
  if (rules.stripAccents) text = text.normalize('NFD').replace(ACCENTS, '')
  if (rules.lowercase) text = Array.from(text, (one) => one.toLowerCase()).join('')
  if (parted) return ` ${text} `
  return Array.from(text, (one) => (WHITE_SPACE.test(one) ? ' ' : isPunctuation(one) ? ` ${one} ` : one)).join('')
}

const WHITE_SPACE = /\p{White_Space}/u
const ACCENTS = /\p{Nonspacing_Mark}/gu
/** Half a surrogate pair, too: the original never sees one, since no UTF-8 has it. */
const OTHER = /[\p{Control}\p{Format}\p{Private_Use}\p{Surrogate}]/u
const PUNCTUATION = /\p{Punctuation}/u

function isDropped(codePoint: number, text: string): boolean {
  if (codePoint === 0 || codePoint === 0xfffd) return true
  return codePoint !== 9 && codePoint !== 10 && codePoint !== 13 && OTHER.test(text)
}

/** Of ASCII everything that is no letter, digit, space or control character; `$` and `^` are no punctuation in Unicode. */
function isPunctuation(one: string): boolean {
  const unit = one.charCodeAt(0)
  if (unit < 128)
    return (
      (unit > 32 && unit < 48) || (unit > 57 && unit < 65) || (unit > 90 && unit < 97) || (unit > 122 && unit < 127)
    )
  return PUNCTUATION.test(one)
}

/** The blocks that BERT counts as Chinese: ideographs, not kana and not hangul. */
function isIdeograph(codePoint: number): boolean {
  return IDEOGRAPHS.some(([first, last]) => codePoint >= first && codePoint <= last)
}

const IDEOGRAPHS = [
  [0x4e00, 0x9fff],
  [0x3400, 0x4dbf],
  [0x20000, 0x2a6df],
  [0x2a700, 0x2b73f],
  [0x2b740, 0x2b81f],
  [0x2b920, 0x2ceaf],
  [0xf900, 0xfaff],
  [0x2f800, 0x2fa1f],
] as const

/**
 * The original's tables of categories are those of Unicode 8.0 (2015). What was assigned or became punctuation, an accent
 * or a format character since then it takes for a letter, and the vocabularies were made with it.
 */
function isYoung(codePoint: number): boolean {
  let low = 0
  let high = young.length / 2
  while (low < high) {
    const middle = (low + high) >> 1
    if (codePoint > young[2 * middle + 1]) low = middle + 1
    else high = middle
  }
  return 2 * low < young.length && codePoint >= young[2 * low]
}

/** Ranges of code points in hexadecimal, ascending; found by asking the original about each code point. */
const YOUNG = `
  61d 7fd 890-891 897-89f 8ca-8e2 9fd-9fe a76 afa-aff b55 c04 c3c c77 c84 d00 d3b-d3c d81 eba ece 180f
  1885-1886 1abf-1add 1ae0-1aeb 1b4e-1b4f 1b7d-1b7f 1df6-1dfb 2e43-2e4f 2e52-2e5d a82c a8c5 a8ff a9bd 105c9
  105e4 10d24-10d27 10d69-10d6e 10eab-10ead 10ed0 10efa-10eff 10f46-10f50 10f55-10f59 10f82-10f89 11070
  11073-11074 110c2 110cd 111cf 1123e 11241 1133b 11383 11385 1138e 11391 113bb-113c0 113c5 113c7-113c8 113ce
  113d0 113d2 113d4-113d5 113d7-113d8 113e1-113e2 11438-1143f 11442-11444 11446 1144b-1144f 1145a-1145b
  1145d-1145e 11660-1166c 116b9 1182f-11837 11839-1183b 11938 1193b-1193c 1193e 11943-11946 119d4-119d7
  119da-119db 119e0 119e2 11a01-11a0a 11a33-11a38 11a3b-11a47 11a51-11a56 11a59-11a5b 11a8a-11a96 11a98-11a9c
  11a9e-11aa2 11b00-11b09 11b60 11b62-11b64 11b66 11be1 11c30-11c36 11c38-11c3d 11c3f 11c41-11c45 11c70-11c71
  11c92-11ca7 11caa-11cb0 11cb2-11cb3 11cb5-11cb6 11d31-11d36 11d3a 11d3c-11d3d 11d3f-11d45 11d47 11d90-11d91
  11d95 11d97 11ef3-11ef4 11ef7-11ef8 11f00-11f01 11f36-11f3a 11f40 11f42-11f4f 11f5a 11fff 12ff1-12ff2
  13430-13440 13447-13455 1611e-16129 1612d-1612f 16d68-16d6a 16d6d-16d6f 16e97-16e9a 16f4f 16fe2 16fe4
  1cf00-1cf2d 1cf30-1cf46 1e000-1e006 1e008-1e018 1e01b-1e021 1e023-1e024 1e026-1e02a 1e08f 1e130-1e136 1e2ae
  1e2ec-1e2ef 1e4ec-1e4ef 1e5ee-1e5ef 1e5ff 1e6e3 1e6e6 1e6ee-1e6ef 1e6f5 1e944-1e94a 1e95e-1e95f
`

/** [2 · ranges] first and last of each. */
const young = Uint32Array.from(
  YOUNG.trim()
    .split(/\s+/)
    .flatMap((range) => {
      const [first, last = first] = range.split('-')
      return [Number.parseInt(first, 16), Number.parseInt(last, 16)]
    }),
)

/** What was something else in Unicode 8.0. */
const FORMER: Readonly<Record<number, 'punctuation' | 'accent'>> = {
  0x166d: 'punctuation',
  0x1734: 'accent',
  0x1171e: 'accent',
  0x111c9: 'punctuation',
}
