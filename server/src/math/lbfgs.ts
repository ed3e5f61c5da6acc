/**
 * Limited-memory BFGS: minimises a smooth function of many variables.
 *
 * A generator that asks: it yields when it wants the function's value at `point` (sent back by `next(value)`) and its
 * gradient (written into `gradient` before). So the same code serves a function that is computed here at once and one
 * that other threads compute. Nocedal & Wright 2006, algorithm 7.4 (two loops), scaling (7.20), backtracking with the
 * sufficient decrease condition (3.4) and quadratic interpolation (3.57). The initial matrix γ · diagonal⁻¹ takes its
 * γ = sᵀy / yᵀ diagonal⁻¹ y from the last pair.
 */

export interface LbfgsOptions {
  readonly stepsMax: number
  /** Pairs of (step, change of gradient) that are kept. */
  readonly memory: number
  /** Converged where the largest part of the gradient is at most this. */
  readonly gradientMax: number
  /**
   * [n] an estimate of the Hessian's diagonal, all positive: the first guess of its inverse before anything is
   * kept. Worth most of the steps where variables differ by orders of magnitude in curvature.
   */
  readonly diagonal?: Float64Array
}

export type LbfgsAsk =
  | { readonly kind: 'evaluate' }
  | { readonly kind: 'step'; readonly step: number; readonly value: number }

export interface LbfgsResult {
  readonly reason: 'converged' | 'steps' | 'no-descent'
  readonly steps: number
  readonly value: number
}

const SUFFICIENT = 1e-4
const TRIES_MAX = 20

/**
 * @param point    [n] the start; moved in place, at the end the minimum found.
 * @param gradient [n] filled by the caller at every `evaluate`.
 */
export function* lbfgs(
  point: Float64Array,
  gradient: Float64Array,
  options: LbfgsOptions,
): Generator<LbfgsAsk, LbfgsResult, number> {
  const n = point.length
  const moves: Float64Array[] = []
  const changes: Float64Array[] = []
  const curvatures: number[] = []
  const direction = new Float64Array(n)
  const pointBefore = new Float64Array(n)
  const gradientBefore = new Float64Array(n)
  let value = yield { kind: 'evaluate' }
  for (let step = 0; ; step++) {
    if (largest(gradient) <= options.gradientMax) return { reason: 'converged', steps: step, value }
    if (step === options.stepsMax) return { reason: 'steps', steps: step, value }
    descend(gradient, moves, changes, curvatures, options.diagonal, direction)
    const slope = dot(gradient, direction)
    pointBefore.set(point)
    gradientBefore.set(gradient)
    let length = step === 0 && options.diagonal === undefined ? Math.min(1, 1 / Math.sqrt(dot(gradient, gradient))) : 1
    let accepted = false
    for (let t = 0; t < TRIES_MAX; t++) {
      for (let i = 0; i < n; i++) point[i] = pointBefore[i] + length * direction[i]
      const tried = yield { kind: 'evaluate' }
      if (tried <= value + SUFFICIENT * length * slope) {
        value = tried
        accepted = true
        break
      }
      const best = (-slope * length * length) / (2 * (tried - value - slope * length))
      length = Number.isFinite(best) ? Math.min(0.5 * length, Math.max(0.1 * length, best)) : 0.1 * length
    }
    if (!accepted) {
      point.set(pointBefore)
      gradient.set(gradientBefore)
      return { reason: 'no-descent', steps: step, value }
    }
    remember(point, pointBefore, gradient, gradientBefore, options.memory, moves, changes, curvatures)
    yield { kind: 'step', step: step + 1, value }
  }
}

/** direction = −H · gradient by the two loops; without any pairs, −gradient. */
function descend(
  gradient: Float64Array,
  moves: readonly Float64Array[],
  changes: readonly Float64Array[],
  curvatures: readonly number[],
  diagonal: Float64Array | undefined,
  direction: Float64Array,
): void {
  const n = gradient.length
  for (let i = 0; i < n; i++) direction[i] = -gradient[i]
  const alphas = new Float64Array(moves.length)
  for (let m = moves.length - 1; m >= 0; m--) {
    alphas[m] = dot(moves[m], direction) / curvatures[m]
    addScaled(direction, -alphas[m], changes[m])
  }
  const last = moves.length - 1
  if (diagonal !== undefined) {
    const scale = last < 0 ? 1 : curvatures[last] / dotOver(changes[last], diagonal)
    for (let i = 0; i < n; i++) direction[i] *= scale / diagonal[i]
  } else if (last >= 0) {
    const scale = curvatures[last] / dot(changes[last], changes[last])
    for (let i = 0; i < n; i++) direction[i] *= scale
  }
  for (let m = 0; m < moves.length; m++) {
    const beta = dot(changes[m], direction) / curvatures[m]
    addScaled(direction, alphas[m] - beta, moves[m])
  }
}

function remember(
  point: Float64Array,
  pointBefore: Float64Array,
  gradient: Float64Array,
  gradientBefore: Float64Array,
  memory: number,
  moves: Float64Array[],
  changes: Float64Array[],
  curvatures: number[],
): void {
  const n = point.length
  const reuse = moves.length === memory
  const move = (reuse ? moves.shift() : undefined) ?? new Float64Array(n)
  const change = (reuse ? changes.shift() : undefined) ?? new Float64Array(n)
  if (reuse) curvatures.shift()
  for (let i = 0; i < n; i++) {
    move[i] = point[i] - pointBefore[i]
    change[i] = gradient[i] - gradientBefore[i]
  }
  const curvature = dot(move, change)
  // Without positive curvature the pair would spoil the estimate (rounding, at the end of convergence).
  if (!(curvature > 1e-12 * dot(change, change))) return
  moves.push(move)
  changes.push(change)
  curvatures.push(curvature)
}

function dot(a: Float64Array, b: Float64Array): number {
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  const n4 = a.length & ~3
  for (let i = 0; i < n4; i += 4) {
    s0 += a[i] * b[i]
    s1 += a[i + 1] * b[i + 1]
    s2 += a[i + 2] * b[i + 2]
    s3 += a[i + 3] * b[i + 3]
  }
  for (let i = n4; i < a.length; i++) s0 += a[i] * b[i]
  return s0 + s1 + (s2 + s3)
}

/** Σ aᵢ² / dᵢ */
function dotOver(a: Float64Array, d: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] * a[i]) / d[i]
  return sum
}

function addScaled(to: Float64Array, scale: number, from: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i] += scale * from[i]
}

function largest(values: Float64Array): number {
  let most = 0
  for (let i = 0; i < values.length; i++) {
    const v = Math.abs(values[i])
    if (v > most || v !== v) most = v
  }
  return most
}
