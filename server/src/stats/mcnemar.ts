/**
 * Two models on the same rows: whether one makes more mistakes than the other.
 *
 * Only the rows count on which exactly one of them is right:
 *
 *   worse  = rows that the first has wrong and the second right
 *   better = rows that the first has right and the second wrong
 *   loss   = (worse − better) / rows           of accuracy, of the first against the second; in [−1, 1]
 *
 * McNemar 1947.
 */

export interface Pairs {
  readonly rows: number
  readonly worse: number
  readonly better: number
}

/**
 * Exact p of the hypothesis that the first model is no worse than the second, against the one that it is:
 *
 *   p = P(X ≥ worse),   X ~ Binomial(worse + better, ½)        in (0, 1]; 1 where no row counts
 *
 * The sum runs from its largest term on, in ratios: C(n, i+1) / C(n, i) = (n − i) / (i + 1), so that nothing overflows.
 */
export function mcnemarWorse({ worse, better }: Pairs): number {
  const n = worse + better
  if (worse <= better) return 1 - tail(better + 1, n)
  return tail(worse, n)
}

/** P(X ≥ k), X ~ Binomial(n, ½), for k above n / 2, where the terms fall. */
function tail(k: number, n: number): number {
  if (k > n) return 0
  let logFirst = -n * Math.LN2
  for (let i = 1; i <= n - k; i++) logFirst += Math.log((n - i + 1) / i)
  let sum = 0
  let term = 1
  for (let i = k; i <= n && term > 1e-17 * sum; i++) {
    sum += term
    term *= (n - i) / (i + 1)
  }
  return Math.min(1, Math.exp(logFirst) * sum)
}

export interface LossInterval {
  readonly loss: number
  readonly low: number
  readonly high: number
}

/** z of a two-sided 95 % interval. */
const Z95 = 1.959963984540054

/**
 * The loss with its 95 % interval, after Agresti & Min 2005, §2: half a row is added to each of the four cells,
 *
 *   l = (worse − better) / (rows + 2),   s² = ((worse + better + 1) / (rows + 2) − l²) / (rows + 2),   l ± 1.96·s
 *
 * which keeps its promise where few rows count, unlike the plain one. `loss` itself is the plain difference; all are NaN
 * of no rows.
 */
export function accuracyLoss({ rows, worse, better }: Pairs): LossInterval {
  const n = rows + 2
  const centre = (worse - better) / n
  const spread = Z95 * Math.sqrt(((worse + better + 1) / n - centre * centre) / n)
  const of = (x: number) => (rows === 0 ? NaN : Math.min(1, Math.max(-1, x)))
  return { loss: rows === 0 ? NaN : (worse - better) / rows, low: of(centre - spread), high: of(centre + spread) }
}
