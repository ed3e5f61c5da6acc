/**
 * Temperature scaling: the one number that calibrates held-out probabilities.
 *
 *   T = argmin Σᵢ wᵢ · −ln softmax(zᵢ / T)[yᵢ]          > 0; 1 leaves the model as it is; the label never changes
 *
 * The loss is convex in 1/T, so a golden-section search over ln(1/T) in ±ln 20 finds it.
 * Guo et al. 2017, §4.2; Kiefer 1953.
 *
 * @param logits [rows · labels]
 * @param truth  [rows] label indices
 * @returns 1 where there are no rows.
 */
import { logSumExp } from '../math/softmax.ts'

const RANGE = Math.log(20)
const SECTION = (Math.sqrt(5) - 1) / 2
const STEPS = 40

export function fitTemperature(logits: Float64Array, truth: ArrayLike<number>, labels: number): number {
  if (truth.length === 0) return 1
  return leastLoss((sharpness) => logLoss(logits, truth, labels, sharpness))
}

/**
 * The same where each row has probabilities instead of a label: T = argmin Σᵢ −Σₖ qᵢₖ · ln softmax(zᵢ / T)[k].
 *
 * @param targets [rows · labels] each row sums to 1
 */
export function fitTemperatureTo(logits: Float64Array, targets: Float64Array, labels: number): number {
  if (targets.length === 0) return 1
  return leastLoss((sharpness) => crossEntropy(logits, targets, labels, sharpness))
}

function leastLoss(lossAt: (sharpness: number) => number): number {
  let low = -RANGE
  let high = RANGE
  let a = high - SECTION * (high - low)
  let b = low + SECTION * (high - low)
  let lossA = lossAt(Math.exp(a))
  let lossB = lossAt(Math.exp(b))
  for (let step = 0; step < STEPS; step++) {
    if (lossA <= lossB) {
      high = b
      b = a
      lossB = lossA
      a = high - SECTION * (high - low)
      lossA = lossAt(Math.exp(a))
    } else {
      low = a
      a = b
      lossA = lossB
      b = low + SECTION * (high - low)
      lossB = lossAt(Math.exp(b))
    }
  }
  return 1 / Math.exp((low + high) / 2)
}

/** Mean −ln p of the true label at inverse temperature `sharpness`; rows count by `weights`, or alike. */
export function logLoss(
  logits: Float64Array,
  truth: ArrayLike<number>,
  labels: number,
  sharpness = 1,
  weights?: ArrayLike<number>,
): number {
  const row = new Float64Array(labels)
  let total = 0
  let weightTotal = 0
  for (let i = 0; i < truth.length; i++) {
    for (let k = 0; k < labels; k++) row[k] = logits[i * labels + k] * sharpness
    const weight = weights === undefined ? 1 : weights[i]
    total += weight * (logSumExp(row) - row[truth[i]])
    weightTotal += weight
  }
  return total / weightTotal
}

/** Mean −Σₖ qₖ · ln softmax(sharpness · z)[k]; rows count by `weights`, or alike. */
export function crossEntropy(
  logits: Float64Array,
  targets: Float64Array,
  labels: number,
  sharpness = 1,
  weights?: ArrayLike<number>,
): number {
  const row = new Float64Array(labels)
  let total = 0
  let weightTotal = 0
  for (let at = 0; at < targets.length; at += labels) {
    let expected = 0
    for (let k = 0; k < labels; k++) {
      row[k] = logits[at + k] * sharpness
      expected += targets[at + k] * row[k]
    }
    const weight = weights === undefined ? 1 : weights[at / labels]
    total += weight * (logSumExp(row) - expected)
    weightTotal += weight
  }
  return total / weightTotal
}
