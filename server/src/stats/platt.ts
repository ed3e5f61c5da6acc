/**
 * Logits that are probabilities in the world: a·z + b with the least log loss over held-out rows (Platt 1999), by
 * Newton's method. One positive and one negative row that never were keep a and b finite (Platt's own targets).
 */
export interface Platt {
  readonly a: number
  readonly b: number
}

const STEPS = 50

/** @param positive [rows] 1 or 0 */
export function fitPlatt(logits: ArrayLike<number>, positive: ArrayLike<number>): Platt {
  let [yes, no] = [0, 0]
  for (let i = 0; i < logits.length; i++) {
    if (positive[i] === 1) yes++
    else no++
  }
  const [high, low] = [(yes + 1) / (yes + 2), 1 / (no + 2)]
  let a = 1
  let b = 0
  for (let step = 0; step < STEPS; step++) {
    let [ga, gb, haa, hab, hbb] = [0, 0, 1e-9, 0, 1e-9]
    for (let i = 0; i < logits.length; i++) {
      const z = logits[i]
      const p = 1 / (1 + Math.exp(-(a * z + b)))
      const e = p - (positive[i] === 1 ? high : low)
      const w = p * (1 - p)
      ga += e * z
      gb += e
      haa += w * z * z
      hab += w * z
      hbb += w
    }
    const determinant = haa * hbb - hab * hab
    const [da, db] = [(hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant]
    // Half a unit of a, or two of b, at a time: far from the solution the parabola is a bad guide.
    const damp = Math.min(1, 0.5 / Math.abs(da), 2 / Math.abs(db))
    a -= damp * da
    b -= damp * db
    if (Math.abs(da) + Math.abs(db) < 1e-9) break
  }
  return { a, b }
}
