/**
 * Running averages of the parameters: what is measured and kept of a run that jumps about.
 *
 *   a ← a + (1 − β′)(w − a)        β′ = min(β, (1 + t)/(10 + t)) at step t = 1, 2, 3 …
 *
 * β near 1 averages over about 1/(1 − β) steps; β′ lets the first steps count less long. Polyak & Juditsky 1992; the
 * warm-up is that of tf.train.ExponentialMovingAverage.
 */
import type { Parameters } from './parameters.ts'

export function average({ kernel, state }: Parameters, beta: number, step: number): void {
  const share = 1 - Math.min(beta, (1 + step) / (10 + step))
  const { averages, w } = state
  kernel.addScaled(averages.byteOffset, averages.byteOffset, averages.length, -share)
  // What learns comes first in w, in the order of the averages.
  kernel.addScaled(averages.byteOffset, w.byteOffset, averages.length, share)
}

/** Before the first step they are the parameters. */
export function startAverages({ state }: Parameters): void {
  state.averages.set(state.w.subarray(0, state.averages.length))
}
