/**
 * Seeded uniform numbers: xoshiro128++ (Blackman & Vigna 2019), its 128 bits of state filled by SplitMix32.
 *
 * Period 2¹²⁸ − 1; passes BigCrush. Not for secrets.
 */

/** Gives the next number, uniform on [0, 1) in steps of 2⁻³². */
export type Random = () => number

/** The same seed gives the same numbers, in every version and on every machine. Only the seed's low 32 bits count. */
export function seededRandom(seed: number): Random {
  let state = seed | 0
  const splitMix = () => {
    state = (state + 0x9e3779b9) | 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return z ^ (z >>> 16)
  }
  let a = splitMix()
  let b = splitMix()
  let c = splitMix()
  let d = splitMix()
  return () => {
    const sum = (a + d) | 0
    const result = (((sum << 7) | (sum >>> 25)) + a) | 0
    const t = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = (d << 11) | (d >>> 21)
    return (result >>> 0) * 2 ** -32
  }
}

/** Shuffles in place (Fisher & Yates; Durstenfeld 1964). */
export function shuffle<T>(items: { [index: number]: T; readonly length: number }, random: Random): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const kept = items[i]
    items[i] = items[j]
    items[j] = kept
  }
}
