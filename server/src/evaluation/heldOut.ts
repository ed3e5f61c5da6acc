/** Keeps a part of the rows out of training, so that no text is on both sides. */
import { fmix32, hashText } from '../math/hash.ts'
import { textKey } from '../math/hash53.ts'

/**
 * Splits by a hash of the normalised text: a row is held out where hash(text, salt) / 2³² < share.
 *
 * Where a text goes depends on nothing but the text and the salt, so it stays on its side when the data grows, and
 * duplicates never straddle. Labels follow in proportion only by chance (± √(n·share·(1 − share)) rows).
 */
export function isHeldOut(text: string, share: number, salt = 'held-out'): boolean {
  const key = textKey(text)
  const high = Math.floor(key / 2 ** 32)
  return (fmix32(fmix32((key | 0) ^ hashText(salt)) ^ high) >>> 0) / 2 ** 32 < share
}
