/**
 * Area under the ROC curve: the probability that a positive row scores above a negative one, a tie counting half.
 *
 *   AUC = P(s⁺ > s⁻) + ½ P(s⁺ = s⁻)        in [0, 1]; ½ = no better than chance
 *
 * (Mann & Whitney 1947; Hanley & McNeil 1982.) NaN where there is no positive or no negative row, or a score is NaN.
 */
import type { Predictions } from './probabilities.ts'

/**
 * @param scores   [rows]
 * @param positive [rows] 1 for a positive row, 0 for a negative one
 */
export function rocAuc(scores: ArrayLike<number>, positive: ArrayLike<number>): number {
  const curve = curveOf(scores, positive)
  return curve === undefined ? NaN : areaUnder(curve, onceEach(scores.length))
}

/**
 * Of several labels: the mean of each label's AUC against the rest (macro, one-vs-rest). Of two labels: the AUC of
 * the second one. NaN unless every label occurs. scikit-learn: roc_auc_score(multi_class='ovr').
 */
export function macroRocAuc(predictions: Predictions): number {
  const curves = curvesOf(predictions)
  return curves === undefined ? NaN : meanArea(curves, onceEach(predictions.actual.length))
}

/** Rows by falling score: all that an area needs, sorted once for any number of resamples. */
export interface Curve {
  /** [rows] the row at each place */
  readonly order: Uint32Array
  /** [rows] by place: 1 for a positive row */
  readonly positive: Uint8Array
  /** [rows] by place: 1 for the last row of a group of equal scores; undefined where all scores differ */
  readonly closes: Uint8Array | undefined
}

/** One curve a label against the rest; of two labels only the second one's. Undefined where a score is NaN. */
export function curvesOf({ labels, actual, probabilities }: Predictions): Curve[] | undefined {
  const curves: Curve[] = []
  for (let k = labels === 2 ? 1 : 0; k < labels; k++) {
    const scores = Float64Array.from({ length: actual.length }, (_, row) => probabilities[row * labels + k])
    const positive = Uint8Array.from({ length: actual.length }, (_, row) => (actual[row] === k ? 1 : 0))
    const curve = curveOf(scores, positive)
    if (curve === undefined) return undefined
    curves.push(curve)
  }
  return curves
}

/** @param weights [rows] how often each row counts */
export function meanArea(curves: readonly Curve[], weights: Uint16Array): number {
  let sum = 0
  for (const curve of curves) sum += areaUnder(curve, weights)
  return sum / curves.length
}

function curveOf(scores: ArrayLike<number>, positive: ArrayLike<number>): Curve | undefined {
  const rows = scores.length
  const order = new Uint32Array(rows)
  for (let i = 0; i < rows; i++) {
    if (Number.isNaN(scores[i])) return undefined
    order[i] = i
  }
  order.sort((a, b) => scores[b] - scores[a])
  const closes = Uint8Array.from(order, (row, place) =>
    place + 1 === rows || scores[order[place + 1]] !== scores[row] ? 1 : 0,
  )
  return {
    order,
    positive: Uint8Array.from(order, (row) => positive[row]),
    closes: closes.includes(0) ? closes : undefined,
  }
}

function areaUnder(curve: Curve, weights: Uint16Array): number {
  return curve.closes === undefined ? areaWithoutTies(curve, weights) : areaWithTies(curve, curve.closes, weights)
}

/** Each negative adds the number of positives above it. No branch, for the resamples are many and the labels unforeseeable. */
function areaWithoutTies({ order, positive }: Curve, weights: Uint16Array): number {
  let above = 0
  let negatives = 0
  let area = 0
  for (let place = 0; place < order.length; place++) {
    const weight = weights[order[place]]
    const p = weight & -positive[place]
    const n = weight - p
    area += n * above
    above = (above + p) | 0
    negatives = (negatives + n) | 0
  }
  return area / (above * negatives)
}

/** A group of equal scores with p positives and n negatives, P positives before it, adds n · (P + ½ p). */
function areaWithTies({ order, positive }: Curve, closes: Uint8Array, weights: Uint16Array): number {
  let above = 0
  let negatives = 0
  let area = 0
  let p = 0
  let n = 0
  for (let place = 0; place < order.length; place++) {
    const weight = weights[order[place]]
    const hit = weight & -positive[place]
    p = (p + hit) | 0
    n = (n + weight - hit) | 0
    if (closes[place] === 0) continue
    area += n * (above + p / 2)
    above = (above + p) | 0
    negatives = (negatives + n) | 0
    p = 0
    n = 0
  }
  return area / (above * negatives)
}

function onceEach(rows: number): Uint16Array {
  return new Uint16Array(rows).fill(1)
}
