/**
 * The training problem in shared memory, and the four passes that evaluate it.
 *
 *   J(θ) = Σᵢ wᵢ · loss(zᵢ, yᵢ) / W  +  ‖θ‖² / (2 · c · W)          W = Σᵢ wᵢ
 *   zᵢₖ  = bₖ + gᵢ Σ_{f ∈ i} e_fk
 *   e_fk = s_fk θ_fk + Σ_{a ∈ f} s_a θ_ak        a: attributes of a word (lexicon groups, character n-grams)
 *
 * Two labels have one column, the margin m of label 1 over label 0: loss = ln(1 + exp(∓m)). More labels have a column
 * each: loss = −ln softmax(z)[y]. The biases are not penalised. Where a row has probabilities q instead of a label, its loss
 * is the mean of those of all labels: ln(1 + exp(m)) − q₁·m, and −Σₖ qₖ · ln softmax(z)[k] (Hinton et al. 2015, eq. 2).
 *
 * Each pass gives every worker its own rows or features to write, and each sum runs in an order that the data fixes,
 * so the result is the same, bit for bit, for any number of workers. The gradient runs down the transposed matrix:
 * it gathers from the small array of residuals instead of scattering over millions of weights.
 */
import type { ShardColumns } from './vocabulary.ts'

export interface Problem {
  /** All rows: those of training first, then those held out. */
  readonly rows: number
  readonly rowsTraining: number
  readonly features: number
  readonly attributes: number
  /** 1 for two labels, else the number of labels. */
  readonly columns: number
  readonly shards: readonly (ShardColumns & { readonly firstRow: number })[]
  /** [features + 1], [...]: the training rows of each feature, ascending. */
  readonly featureStart: Uint32Array
  readonly featureRow: Uint32Array
  /** [rows] */
  readonly lengthScale: Float64Array
  /** [rows] */
  readonly weight: Float64Array
  /** [rows] */
  readonly label: Int32Array
  /** [rows · columns] probabilities of the labels (of label 1 where there are two); null where all rows have labels. */
  readonly target: Float64Array | null
  /** [features · columns] s_fk; 0: the feature has no weight of its own */
  readonly scale: Float64Array
  readonly attributeScale: Float64Array
  /** [features + 1], [...]: attributes of each feature; and the features of each attribute. */
  readonly attributeStart: Uint32Array
  readonly attributeOf: Uint32Array
  readonly memberStart: Uint32Array
  readonly member: Uint32Array
  /** [(features + attributes + 1) · columns] θ, the biases last */
  readonly point: Float64Array
  readonly gradient: Float64Array
  /** [features · columns] e, and ∂J/∂e */
  readonly effective: Float32Array
  readonly effectiveGradient: Float32Array
  /** [rows · columns] */
  readonly logits: Float64Array
  /** [rows · columns] wᵢ gᵢ ∂loss/∂z, and [shards · (1 + columns)] loss and bias gradient of each shard */
  readonly residual: Float64Array
  readonly shardSums: Float64Array
  readonly weightTotal: number
  readonly penaltyInverse: number
  /** The barrier: arrivals, and its generation. */
  readonly barrier: Int32Array
}

/** A worker's part of each pass: [from, to) of features, shards and attributes. */
export interface Part {
  readonly features: readonly [number, number]
  readonly shards: readonly [number, number]
  readonly attributes: readonly [number, number]
}

/** Value and gradient of J at `point`, this worker's part; all workers run it together. */
export function evaluatePart(problem: Problem, part: Part, workers: number): void {
  computeEffective(problem, part.features)
  meet(problem.barrier, workers)
  for (let s = part.shards[0]; s < part.shards[1]; s++) forwardShard(problem, s)
  meet(problem.barrier, workers)
  computeGradient(problem, part.features)
  if (problem.attributes === 0) return
  meet(problem.barrier, workers)
  computeAttributeGradient(problem, part.attributes)
}

/** Waits until all workers are here. */
function meet(barrier: Int32Array, workers: number): void {
  if (workers === 1) return
  const generation = Atomics.load(barrier, 1)
  if (Atomics.add(barrier, 0, 1) === workers - 1) {
    Atomics.store(barrier, 0, 0)
    Atomics.add(barrier, 1, 1)
    Atomics.notify(barrier, 1)
    return
  }
  while (Atomics.load(barrier, 1) === generation) Atomics.wait(barrier, 1, generation)
}

function computeEffective(problem: Problem, [from, to]: readonly [number, number]): void {
  const { columns, scale, point, effective, attributeStart, attributeOf, attributeScale, features } = problem
  for (let i = from * columns; i < to * columns; i++) effective[i] = scale[i] * point[i]
  if (problem.attributes === 0) return
  for (let f = from; f < to; f++) {
    for (let j = attributeStart[f]; j < attributeStart[f + 1]; j++) {
      const a = attributeOf[j]
      for (let k = 0; k < columns; k++) {
        effective[f * columns + k] += attributeScale[a] * point[(features + a) * columns + k]
      }
    }
  }
}

function forwardShard(problem: Problem, s: number): void {
  const { columns, effective, lengthScale, logits, point } = problem
  const { rowStart, column, firstRow } = problem.shards[s]
  const bias = point.length - columns
  const rows = rowStart.length - 1
  for (let r = 0; r < rows; r++) {
    const row = firstRow + r
    const g = lengthScale[row]
    if (columns === 1) {
      let sum = 0
      for (let i = rowStart[r]; i < rowStart[r + 1]; i++) sum += effective[column[i]]
      logits[row] = point[bias] + g * sum
    } else if (columns === 3) {
      let s0 = 0
      let s1 = 0
      let s2 = 0
      for (let i = rowStart[r]; i < rowStart[r + 1]; i++) {
        const at = column[i] * 3
        s0 += effective[at]
        s1 += effective[at + 1]
        s2 += effective[at + 2]
      }
      logits[row * 3] = point[bias] + g * s0
      logits[row * 3 + 1] = point[bias + 1] + g * s1
      logits[row * 3 + 2] = point[bias + 2] + g * s2
    } else {
      for (let k = 0; k < columns; k++) logits[row * columns + k] = 0
      for (let i = rowStart[r]; i < rowStart[r + 1]; i++) {
        const at = column[i] * columns
        for (let k = 0; k < columns; k++) logits[row * columns + k] += effective[at + k]
      }
      for (let k = 0; k < columns; k++) logits[row * columns + k] = point[bias + k] + g * logits[row * columns + k]
    }
  }
  residuals(problem, s, firstRow, rows)
}

function residuals(problem: Problem, s: number, firstRow: number, rows: number): void {
  const { columns, lengthScale, weight, label, target, logits, residual, shardSums } = problem
  const at = s * (1 + columns)
  shardSums.fill(0, at, at + 1 + columns)
  if (firstRow >= problem.rowsTraining) return
  for (let row = firstRow; row < firstRow + rows; row++) {
    const w = weight[row]
    const y = label[row]
    if (columns === 1) {
      const margin = logits[row]
      // ln(1 + exp(−m)) without overflow on either side.
      if (target === null) {
        const signed = y === 1 ? margin : -margin
        shardSums[at] += w * (signed > 0 ? Math.log1p(Math.exp(-signed)) : Math.log1p(Math.exp(signed)) - signed)
      } else shardSums[at] += w * (Math.max(margin, 0) + Math.log1p(Math.exp(-Math.abs(margin))) - target[row] * margin)
      const d = w * (1 / (1 + Math.exp(-margin)) - (target === null ? y : target[row]))
      residual[row] = d * lengthScale[row]
      shardSums[at + 1] += d
      continue
    }
    let most = -Infinity
    for (let k = 0; k < columns; k++) if (logits[row * columns + k] > most) most = logits[row * columns + k]
    let total = 0
    for (let k = 0; k < columns; k++) total += Math.exp(logits[row * columns + k] - most)
    let expected = 0
    if (target === null) expected = logits[row * columns + y]
    else for (let k = 0; k < columns; k++) expected += target[row * columns + k] * logits[row * columns + k]
    shardSums[at] += w * (most + Math.log(total) - expected)
    for (let k = 0; k < columns; k++) {
      const p = Math.exp(logits[row * columns + k] - most) / total
      const d = w * (target === null ? (k === y ? p - 1 : p) : p - target[row * columns + k])
      residual[row * columns + k] = d * lengthScale[row]
      shardSums[at + 1 + k] += d
    }
  }
}

function computeGradient(problem: Problem, [from, to]: readonly [number, number]): void {
  const { columns, featureStart, featureRow, residual, scale, gradient, point, effectiveGradient, weightTotal } =
    problem
  const penalty = 1 / (problem.penaltyInverse * weightTotal)
  const attributes = problem.attributes > 0
  if (columns === 1) {
    for (let f = from; f < to; f++) {
      let sum = 0
      for (let i = featureStart[f]; i < featureStart[f + 1]; i++) sum += residual[featureRow[i]]
      sum /= weightTotal
      if (attributes) effectiveGradient[f] = sum
      gradient[f] = scale[f] * sum + penalty * point[f]
    }
    return
  }
  const sums = new Float64Array(columns)
  for (let f = from; f < to; f++) {
    if (columns === 3) {
      let s0 = 0
      let s1 = 0
      let s2 = 0
      for (let i = featureStart[f]; i < featureStart[f + 1]; i++) {
        const at = featureRow[i] * 3
        s0 += residual[at]
        s1 += residual[at + 1]
        s2 += residual[at + 2]
      }
      sums[0] = s0
      sums[1] = s1
      sums[2] = s2
    } else {
      sums.fill(0)
      for (let i = featureStart[f]; i < featureStart[f + 1]; i++) {
        const at = featureRow[i] * columns
        for (let k = 0; k < columns; k++) sums[k] += residual[at + k]
      }
    }
    for (let k = 0; k < columns; k++) {
      const j = f * columns + k
      const sum = sums[k] / weightTotal
      if (attributes) effectiveGradient[j] = sum
      gradient[j] = scale[j] * sum + penalty * point[j]
    }
  }
}

function computeAttributeGradient(problem: Problem, [from, to]: readonly [number, number]): void {
  const { columns, features, memberStart, member, effectiveGradient, attributeScale, gradient, point } = problem
  const penalty = 1 / (problem.penaltyInverse * problem.weightTotal)
  for (let a = from; a < to; a++) {
    for (let k = 0; k < columns; k++) {
      let sum = 0
      for (let j = memberStart[a]; j < memberStart[a + 1]; j++) sum += effectiveGradient[member[j] * columns + k]
      const at = (features + a) * columns + k
      gradient[at] = attributeScale[a] * sum + penalty * point[at]
    }
  }
}

/** What is left to one thread after the passes: the value, and the gradient of the biases. */
export function finishEvaluation(problem: Problem): number {
  const { columns, shardSums, gradient, point, weightTotal, shards } = problem
  const bias = point.length - columns
  let loss = 0
  gradient.fill(0, bias)
  for (let s = 0; s < shards.length; s++) {
    const at = s * (1 + columns)
    loss += shardSums[at]
    for (let k = 0; k < columns; k++) gradient[bias + k] += shardSums[at + 1 + k] / weightTotal
  }
  let squares = 0
  for (let i = 0; i < bias; i++) squares += point[i] * point[i]
  return loss / weightTotal + squares / (2 * problem.penaltyInverse * weightTotal)
}

/** Every feature's training rows: the transposed matrix for features [from, to), written into shared arrays. */
export function transposePart(problem: Problem, [from, to]: readonly [number, number]): void {
  const { featureStart, featureRow } = problem
  const next = featureStart.slice(from, to)
  for (const { rowStart, column, firstRow } of problem.shards) {
    if (firstRow >= problem.rowsTraining) continue
    for (let r = 0; r + 1 < rowStart.length; r++) {
      for (let i = rowStart[r]; i < rowStart[r + 1]; i++) {
        const f = column[i]
        if (f >= from && f < to) featureRow[next[f - from]++] = firstRow + r
      }
    }
  }
}

/**
 * [parameters] the diagonal of J's Hessian at θ = 0, where every label is as probable as the next: p(1 − p) = ¼ for
 * two labels, (K − 1) / K² for more. For an attribute the rows of its words are taken as different rows, a lower bound.
 */
export function hessianDiagonal(problem: Problem): Float64Array {
  const { features, attributes, columns, featureStart, featureRow, weight, lengthScale, scale, weightTotal } = problem
  const { attributeScale, memberStart, member, rowsTraining } = problem
  const spread = (columns === 1 ? 1 / 4 : (columns - 1) / columns ** 2) / weightTotal
  const penalty = 1 / (problem.penaltyInverse * weightTotal)
  const diagonal = new Float64Array(problem.point.length)
  const squares = new Float64Array(features)
  for (let f = 0; f < features; f++) {
    let sum = 0
    for (let i = featureStart[f]; i < featureStart[f + 1]; i++) {
      const row = featureRow[i]
      sum += weight[row] * lengthScale[row] * lengthScale[row]
    }
    squares[f] = sum * spread
    for (let k = 0; k < columns; k++) diagonal[f * columns + k] = squares[f] * scale[f * columns + k] ** 2 + penalty
  }
  for (let a = 0; a < attributes; a++) {
    let sum = 0
    for (let j = memberStart[a]; j < memberStart[a + 1]; j++) sum += squares[member[j]]
    for (let k = 0; k < columns; k++) diagonal[(features + a) * columns + k] = sum * attributeScale[a] ** 2 + penalty
  }
  let total = 0
  for (let row = 0; row < rowsTraining; row++) total += weight[row]
  diagonal.fill(total * spread, diagonal.length - columns)
  return diagonal
}
