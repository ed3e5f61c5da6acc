/** How the learning rate goes over a run: up in a straight line, then down in a line or half a cosine. */

export interface Schedule {
  readonly kind: 'constant' | 'linear' | 'cosine'
  /** Share of all steps in which the rate rises to its peak. */
  readonly warmUpShare: number
  /** Where it ends, as a share of the peak. */
  readonly floor: number
}

/**
 * The learning rate of step t = 1 … T, as a share of the peak, in (0, 1].
 *
 *   t ≤ W:  t / W                                  W = round(T · warmUpShare)
 *   else:   f + (1 − f)·(1 − x)                    linear,  x = (t − W) / (T − W + 1), f the floor
 *           f + (1 − f)·(1 + cos πx)/2             cosine (Loshchilov & Hutter 2017, eq. 5, without restarts)
 *
 * x stays below 1, so that the last step still learns where the floor is 0.
 */
export function scheduled({ kind, warmUpShare, floor }: Schedule, step: number, steps: number): number {
  const warmUp = Math.round(steps * warmUpShare)
  if (step <= warmUp) return step / warmUp
  if (kind === 'constant') return 1
  const x = (step - warmUp) / (steps - warmUp + 1)
  return floor + (1 - floor) * (kind === 'linear' ? 1 - x : (1 + Math.cos(Math.PI * x)) / 2)
}
