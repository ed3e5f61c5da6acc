/** Keeps a part of the rows out of training, so that no text is on both sides. */
import { fmix32, hashText } from '../math/hash.ts'
import { textKey } from '../math/hash53.ts'

export interface Split {
  /** Indices into the rows, ascending. */
  readonly train: readonly number[]
  readonly heldOut: readonly number[]
  /** In order of first appearance. */
  readonly byLabel: readonly { readonly label: string; readonly train: number; readonly heldOut: number }[]
  /** Labels that one of the sides lacks: say so to the person, their figures mean nothing. */
  readonly labelsOneSided: readonly string[]
}

/**
 * Splits by a hash of the normalised text: a row is held out where hash(text, salt) / 2³² < share.
 *
 * Where a text goes depends on nothing but the text and the salt, so it stays on its side when the data grows,
 * and duplicates never straddle. Labels follow in proportion only by chance (± √(n·share·(1 − share)) rows),
 * which `byLabel` shows.
 */
export function splitHeldOut(
  rows: readonly { readonly text: string; readonly label: string }[],
  share: number,
  salt = 'held-out',
): Split {
  const train: number[] = []
  const heldOut: number[] = []
  const counts = new Map<string, { train: number; heldOut: number }>()
  for (const [i, { text, label }] of rows.entries()) {
    const count = counts.get(label) ?? { train: 0, heldOut: 0 }
    counts.set(label, count)
    if (isHeldOut(text, share, salt)) {
      heldOut.push(i)
      count.heldOut++
    } else {
      train.push(i)
      count.train++
    }
  }
  const byLabel = [...counts].map(([label, count]) => ({ label, ...count }))
  const labelsOneSided = byLabel.filter((side) => side.train === 0 || side.heldOut === 0).map((side) => side.label)
  return { train, heldOut, byLabel, labelsOneSided }
}

/** The rule for one text. */
export function isHeldOut(text: string, share: number, salt = 'held-out'): boolean {
  const key = textKey(text)
  const high = Math.floor(key / 2 ** 32)
  return (fmix32(fmix32((key | 0) ^ hashText(salt)) ^ high) >>> 0) / 2 ** 32 < share
}
