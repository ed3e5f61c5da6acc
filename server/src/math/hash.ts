/**
 * The one hash of the text models: FNV-1a over UTF-16 code units, finished by MurmurHash3's fmix32.
 *
 *   h₀ = 0x811c9dc5;  hᵢ = (hᵢ₋₁ xor uᵢ) · 0x01000193 mod 2³²;  hash = fmix32(hₙ), with 0 replaced by 1
 *
 * FNV-1a costs one multiplication a unit and is a bijection of h for every u, so it loses nothing on the way;
 * alone it avalanches badly in its high bits, which the finaliser mends. Zero is kept free: it marks an empty slot.
 * All values are signed 32-bit integers, which V8 keeps unboxed.
 *
 * Fowler, Noll & Vo, draft-eastlake-fnv; Appleby, MurmurHash3 (2011), `fmix32`.
 */

export const HASH_SEED = 0x811c9dc5 | 0
export const HASH_PRIME = 0x01000193

/** MurmurHash3's 32-bit finaliser: a bijection in which each input bit flips each output bit with probability ≈ ½. */
export function fmix32(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) | 0
}

/** Closes a running FNV-1a state. */
export function finishHash(state: number): number {
  const h = fmix32(state)
  return h === 0 ? 1 : h
}

/** The hash of a run of code units. */
export function hashUnits(units: Uint16Array, start: number, end: number): number {
  let h = HASH_SEED
  for (let i = start; i < end; i++) h = Math.imul(h ^ units[i], HASH_PRIME)
  return finishHash(h)
}

/** The hash of a string, code unit by code unit. */
export function hashText(text: string): number {
  let h = HASH_SEED
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), HASH_PRIME)
  return finishHash(h)
}

/**
 * The hash of an ordered pair of hashes (order matters, and ((a,b),c) ≠ (a,(b,c))).
 *
 *   combine(a, b) = x xor (x ≫ 15),  x = (rotl(a, 5) xor b) · 0x9e3779b1 mod 2³²,  0 → 1
 *
 * Its inputs are finished hashes, so one multiplication (by 2³²/φ; Knuth 1973, §6.4) is enough.
 */
export function combineHashes(a: number, b: number): number {
  const x = Math.imul(((a << 5) | (a >>> 27)) ^ b, 0x9e3779b1)
  const h = (x ^ (x >>> 15)) | 0
  return h === 0 ? 1 : h
}
