/**
 * Metrics of predicted probabilities. Rows lie one behind the other: probabilities[row · labels + label].
 *
 * Of no rows every metric is NaN, and a NaN among the probabilities makes the metric NaN: it is never hidden.
 */

export interface Predictions {
  readonly labels: number
  /** [rows] indices into the labels */
  readonly actual: ArrayLike<number>
  /** [rows · labels] each row sums to 1 */
  readonly probabilities: ArrayLike<number>
}

/** [rows] the most probable label; the lower index wins a tie. A row with a NaN gives the first label. */
export function argmax({ labels, actual, probabilities }: Predictions): Int32Array {
  return Int32Array.from({ length: actual.length }, (_, row) => {
    let best = 0
    for (let k = 1; k < labels; k++) if (probabilities[row * labels + k] > probabilities[row * labels + best]) best = k
    return best
  })
}

/**
 * Log-loss: −mean ln p(actual), in nats; ≥ 0, 0 = certain and right. p is clipped to [ε, 1] with ε = 2⁻⁵² (as in
 * scikit-learn's log_loss), so a certain error costs 36.04, not infinity.
 */
export function logLoss(predictions: Predictions): number {
  return mean(logLosses(predictions))
}

/** [rows] */
export function logLosses({ labels, actual, probabilities }: Predictions): Float64Array {
  return Float64Array.from({ length: actual.length }, (_, row) => {
    const p = probabilities[row * labels + actual[row]]
    return p < Number.EPSILON ? -Math.log(Number.EPSILON) : -Math.log(p)
  })
}

/**
 * Brier score: mean over the rows of Σₖ (pₖ − yₖ)², y = one-hot truth; in [0, 2], 0 = certain and right.
 * (Brier 1950, eq. 2.) For two labels it is twice scikit-learn's default brier_score_loss.
 */
export function brier(predictions: Predictions): number {
  return mean(briers(predictions))
}

/** [rows] */
export function briers({ labels, actual, probabilities }: Predictions): Float64Array {
  return Float64Array.from({ length: actual.length }, (_, row) => {
    let sum = 0
    for (let k = 0; k < labels; k++) {
      const gap = probabilities[row * labels + k] - (k === actual[row] ? 1 : 0)
      sum += gap * gap
    }
    return sum
  })
}

/** One bin of a reliability diagram. */
export interface CalibrationBin {
  /** The bin holds the confidences in (low, high]; the first one 0 as well. */
  readonly low: number
  readonly high: number
  readonly rows: number
  /** Mean confidence and share of right rows; NaN in an empty bin. */
  readonly confidence: number
  readonly accuracy: number
}

export interface CalibrationError {
  readonly ece: number
  readonly bins: readonly CalibrationBin[]
}

export const CALIBRATION_BINS = 15

/**
 * Expected calibration error of the top label, over bins of equal width:
 *
 *   ECE = Σ_b (rows_b / rows) · |accuracy_b − confidence_b|        in [0, 1]; 0 = calibrated
 *
 * Guo et al. 2017, eq. 3, with their 15 bins. With few rows it is biased upwards.
 */
export function calibrationError(predictions: Predictions, bins = CALIBRATION_BINS): CalibrationError {
  const { labels, actual, probabilities } = predictions
  const best = argmax(predictions)
  const rows = new Float64Array(bins)
  const confidence = new Float64Array(bins)
  const right = new Float64Array(bins)
  for (let row = 0; row < actual.length; row++) {
    const p = probabilities[row * labels + best[row]]
    const bin = binOf(p, bins)
    rows[bin]++
    confidence[bin] += p
    if (best[row] === actual[row]) right[bin]++
  }
  return {
    ece: eceOf(rows, confidence, right),
    bins: Array.from(rows, (count, b) => ({
      low: b / bins,
      high: (b + 1) / bins,
      rows: count,
      confidence: confidence[b] / count,
      accuracy: right[b] / count,
    })),
  }
}

/** The bin of a confidence; NaN is put into the last one, whose sum it then spoils, as it should. */
export function binOf(confidence: number, bins: number): number {
  const bin = Math.ceil(confidence * bins) - 1
  return bin >= 0 && bin < bins ? bin : bin < 0 ? 0 : bins - 1
}

/** @param rows [bins] counts; @param confidence [bins] sums; @param right [bins] counts */
export function eceOf(rows: Float64Array, confidence: Float64Array, right: Float64Array): number {
  let sum = 0
  let total = 0
  for (let b = 0; b < rows.length; b++) {
    sum += Math.abs(right[b] - confidence[b])
    total += rows[b]
  }
  return sum / total
}

function mean(values: Float64Array): number {
  let sum = 0
  for (const value of values) sum += value
  return sum / values.length
}
