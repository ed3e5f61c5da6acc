/** What training makes small. Each is a weighted mean over rows: weight 0 leaves out a row that only fills up a batch. */
import type { GraphBuilder } from '../graph/builder.ts'
import type { Value } from '../graph/ir.ts'
import { add, div, logSoftmax, mul, reshape, scale, softplus, sub, sum } from '../graph/ops.ts'

type G = GraphBuilder

/** Σᵢ wᵢ·xᵢ / Σᵢ wᵢ: [rows], [rows] → scalar. */
export function weightedMean(g: G, x: Value, weights: Value): Value {
  return div(g, sum(g, mul(g, x, weights)), sum(g, weights))
}

/**
 * Cross-entropy of each row: −Σ_c tᵢ_c · ln softmax(zᵢ/τ)_c, in nats.
 *
 * One-hot targets give the usual loss; smoothed ones that of Szegedy et al. 2016, §7; a teacher's probabilities at the
 * temperature τ that of Hinton, Vinyals & Dean 2015, eq. 1, which τ² brings back to the size of gradients at τ = 1.
 *
 * @param logits  [rows, labels]
 * @param targets [rows, labels], not negative
 * @returns       [rows]
 */
export function crossEntropy(g: G, logits: Value, targets: Value, temperature = 1): Value {
  const logProbabilities = logSoftmax(g, scale(g, logits, 1 / temperature))
  return scale(g, sum(g, mul(g, targets, logProbabilities), [1]), -(temperature ** 2))
}

/** Binary cross-entropy of each row from its logit: ln(1 + eᶻ) − t·z. [rows, 1], [rows, 1] → [rows] */
export function binaryCrossEntropy(g: G, logits: Value, targets: Value): Value {
  return reshape(g, sub(g, softplus(g, logits), mul(g, logits, targets)), [-1])
}

/**
 * Cross-entropy of each row against one class out of many (a word), given by its number: −ln softmax(z)_class.
 *
 * @param logits  [rows, classes]
 * @param classes int64 [rows]
 * @returns       [rows]
 */
export function indexCrossEntropy(g: G, logits: Value, classes: Value): Value {
  const known = [{ type: 'float32', shape: logits.shape } as const]
  const count = g.scalar(logits.shape[1], 'int64')
  const target = g.op('OneHot', [classes, count, g.constant('float32', [2], [0, 1])], { axis: -1 }, { known })
  return crossEntropy(g, logits, target)
}

/** How a label becomes a row of targets and the weight of its row. */
export interface TargetOptions {
  /** ε: this share is spread over all labels alike. */
  readonly smoothing?: number
  /** [labels] 1 where left out. */
  readonly classWeights?: readonly number[]
}

/**
 * Fills one row of `targets` and gives the row's weight, so that crossEntropy and weightedMean together make
 * torch.nn.CrossEntropyLoss(weight, label_smoothing):
 *
 *   Σᵢ [(1 − ε)·w_yᵢ·(−ln p_yᵢ) + ε/C·Σ_c w_c·(−ln p_c)] / Σᵢ w_yᵢ
 *
 * @param targets [rows, labels]
 * @returns       the row's weight, w of its label
 */
export function fillTarget(
  targets: Float32Array,
  row: number,
  label: number,
  labels: number,
  { smoothing = 0, classWeights }: TargetOptions = {},
): number {
  const weight = classWeights?.[label] ?? 1
  for (let c = 0; c < labels; c++) {
    const share = (c === label ? 1 - smoothing : 0) + smoothing / labels
    targets[row * labels + c] = (share * (classWeights?.[c] ?? 1)) / weight
  }
  return weight
}

/** (1 − share)·hard + share·soft, row by row. */
export function mixed(g: G, hard: Value, soft: Value, share: number): Value {
  return add(g, scale(g, hard, 1 - share), scale(g, soft, share))
}
