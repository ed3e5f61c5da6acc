/**
 * A 53-bit hash of a text, for telling texts apart by number: 26 + 27 bits of two independent FNV-1a lanes,
 * each finished by fmix32 (hash.ts). Among n texts about n²/2⁵⁴ pairs collide: 0.0014 for 5 million.
 *
 * The second lane differs in its start (2³²/φ) and its multiplier (MurmurHash3's c₁), both odd, so that the
 * lanes share no collisions by construction.
 */
import { fmix32, HASH_PRIME, HASH_SEED } from './hash.ts'

/** @returns an integer in [0, 2⁵³). */
export function hash53(text: string): number {
  return hashSpaced(text, false)
}

/**
 * The key under which two texts count as the same one: hash53 of the text in lower case, any run of white space
 * as one space, trimmed; without making that text.
 */
export function textKey(text: string): number {
  return hashSpaced(text.toLowerCase(), true)
}

const SPACE = 32

function hashSpaced(text: string, collapse: boolean): number {
  let a = HASH_SEED
  let b = 0x9e3779b9 | 0
  // A space is hashed only once the next word shows that it is not a trailing one.
  let pending = false
  let started = false
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (collapse && (unit <= SPACE || unit >= 0xa0) && isSpace(unit)) {
      pending = started
      continue
    }
    if (pending) {
      a = Math.imul(a ^ SPACE, HASH_PRIME)
      b = mix(b, SPACE)
      pending = false
    }
    started = true
    a = Math.imul(a ^ unit, HASH_PRIME)
    b = mix(b, unit)
  }
  return (fmix32(a) >>> 6) * 0x8000000 + (fmix32(b) >>> 5)
}

/** A multiplication carries upwards only; folding the high half in mends the low bits. */
function mix(h: number, unit: number): number {
  const x = Math.imul(h ^ unit, 0xcc9e2d51)
  return x ^ (x >>> 15)
}

/** What \s matches (ECMAScript WhiteSpace and LineTerminator). */
function isSpace(unit: number): boolean {
  if (unit <= SPACE) return unit === SPACE || (unit >= 9 && unit <= 13)
  if (unit >= 0x2000 && unit <= 0x200a) return true
  return (
    unit === 0xa0 ||
    unit === 0x1680 ||
    unit === 0x2028 ||
    unit === 0x2029 ||
    unit === 0x202f ||
    unit === 0x205f ||
    unit === 0x3000 ||
    unit === 0xfeff
  )
}
