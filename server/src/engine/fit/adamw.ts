/**
 * AdamW with decoupled weight decay and bias correction (Loshchilov & Hutter 2019, algorithm 2), as torch.optim.AdamW.
 *
 *   m ← β₁m + (1 − β₁)g     v ← β₂v + (1 − β₂)g²
 *   w ← w(1 − ηλ) − η · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)
 *
 * The corrections move into two numbers a step: with s = η√(1 − β₂ᵗ)/(1 − β₁ᵗ) and ε′ = ε√(1 − β₂ᵗ) the last term is
 * s·m/(√v + ε′). λ acts on the decaying stretch only. The gradient is first multiplied by `scale`: 1/turns where
 * several batches were summed, times the clipping.
 */
import type { Parameters, Stretch } from './parameters.ts'

export interface AdamW {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly decay: number
}

/** PyTorch's defaults, with a decay of 0.01. */
export const adamWDefaults: AdamW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.01 }

/** Step t = 1, 2, 3 … with the learning rate η. */
export function adamw(
  parameters: Parameters,
  { beta1, beta2, epsilon, decay }: AdamW,
  at: { readonly step: number; readonly learningRate: number; readonly scale: number },
): void {
  const correction = Math.sqrt(1 - beta2 ** at.step)
  const ss = (at.learningRate * correction) / (1 - beta1 ** at.step)
  const eps = epsilon * correction
  const update = ({ w, g, m, v, count }: Stretch, keep: number): void =>
    parameters.kernel.adamw(w, g, m, v, count, at.scale, beta1, beta2, keep, ss, eps)
  update(parameters.decaying, 1 - at.learningRate * decay)
  update(parameters.plain, 1)
}

/** ‖g‖₂ over all parameters that learn. */
export function gradientNorm({ kernel, decaying, plain }: Parameters): number {
  return Math.sqrt(kernel.sumOfSquares(decaying.g, decaying.count) + kernel.sumOfSquares(plain.g, plain.count))
}

/** The factor that brings a gradient of this norm to `norm` at most (Pascanu et al. 2013; torch's clip_grad_norm_). */
export function clipScale(norm: number, most: number): number {
  return Math.min(1, most / (norm + 1e-6))
}
