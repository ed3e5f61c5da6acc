/**
 * Temperature scaling: the one number that calibrates held-out probabilities.
 *
 *   T = argmin Σᵢ −Σₖ qᵢₖ · ln softmax(zᵢ / T)[k]  +  (ln T)² / 2σ²      > 0; the label never changes
 *   qᵢₖ = (n + 1) / (n + K) for the true label of row i, 1 / (n + K) for the others
 *
 * The targets q are Laplace's rule of succession: of n rows that all were right, the next one is right with
 * (n + 1) / (n + K). So no number of held-out rows, and none that is small above all, makes a model certain; Platt (1999)
 * does the same for two labels. The prior N(0, σ²) on ln T says that a model is as likely too sure as too humble, by a
 * factor of e at one σ = 1; of a few rows it keeps T near 1, and among thousands it weighs nothing.
 *
 * A golden-section search over ln(1/T) in ±ln 20 finds it. Guo et al. 2017, §4.2; Kiefer 1953; Laplace 1774.
 *
 * @param logits [rows · labels]
 * @param truth  [rows] label indices
 * @returns 1 where there are no rows.
 */
import { logSumExp } from '../math/softmax.ts'

const RANGE = Math.log(20)
const SECTION = (Math.sqrt(5) - 1) / 2
const STEPS = 40
/** σ of ln T. */
const SPREAD = 1

export function fitTemperature(logits: Float64Array, truth: ArrayLike<number>, labels: number): number {
  const rows = truth.length
  if (rows === 0) return 1
  // Σₖ qₖzₖ = z_y + (K·mean(z) − K·z_y) / (n + K): what the targets add to the loss is linear in the sharpness.
  let slack = 0
  for (let i = 0; i < rows; i++) {
    let others = 0
    for (let k = 0; k < labels; k++) others += logits[i * labels + k] - logits[i * labels + truth[i]]
    slack -= others / (rows + labels)
  }
  return leastLoss((sharpness) => {
    const loss = logLoss(logits, truth, labels, sharpness) + (slack / rows) * sharpness
    return loss + prior(sharpness) / rows
  })
}

/**
 * The same where each row has probabilities instead of a label, which are never certain: no rule of succession, but
 * the same prior.
 *
 * @param targets [rows · labels] each row sums to 1
 */
export function fitTemperatureTo(logits: Float64Array, targets: Float64Array, labels: number): number {
  if (targets.length === 0) return 1
  const rows = targets.length / labels
  return leastLoss((sharpness) => crossEntropy(logits, targets, labels, sharpness) + prior(sharpness) / rows)
}

/** −ln of the prior's density, up to a constant. */
function prior(sharpness: number): number {
  return Math.log(sharpness) ** 2 / (2 * SPREAD ** 2)
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
