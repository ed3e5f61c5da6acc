/** From which confidence on the linear model of a cascade answers, chosen on rows that neither model has learnt from. */
import { accuracyLoss, type LossInterval, mcnemarWorse } from '../../../stats/mcnemar.ts'

export interface CascadeRows {
  /** [rows] calibrated probability of the linear model's label */
  readonly confidence: ArrayLike<number>
  /** [rows] 1 where the linear model is right; where the transformer is. */
  readonly linearRight: ArrayLike<number>
  readonly transformerRight: ArrayLike<number>
}

/** How much accuracy the cascade may lose against the transformer alone. */
export type LossAllowed =
  /** As long as an exact test does not find any: p > level. */
  | { readonly kind: 'none-significant'; readonly level: number }
  /** Not more than this share of the rows, at 95 % confidence: the upper end of the interval stays below it. */
  | { readonly kind: 'at-most'; readonly loss: number }

export interface Threshold {
  /** The linear model answers at this confidence or above: 0 where it always may, Infinity where it never may. */
  readonly threshold: number
  /** Of the rows that the linear model answers. */
  readonly share: number
  readonly loss: LossInterval
  /** Of the test that the cascade is no worse than the transformer. */
  readonly p: number
}

/** Shares of the rows that are tried, from the surest on: 1 %, 2 % … 100 %. */
const STEPS = 100

/**
 * Walks from “the transformer answers all” towards “the linear model answers all”, a hundredth of the rows a step, and
 * stops before the first step that loses more than is allowed. Steps beyond that one are not looked at: what a test finds
 * by being asked a hundred times would be luck. (A fixed sequence of tests, each at its full level, as in Maurer,
 * Hothorn & Lehmacher 1995: of `at-most` it holds for the whole walk.)
 *
 * Rows of the same confidence fall on the same side, as they will in service. Where the linear model may answer all rows
 * the threshold is 0: the cascade is the linear model then, and not worse than it by the rare text below the least sure row.
 */
export function chooseThreshold(
  { confidence, linearRight, transformerRight }: CascadeRows,
  allowed: LossAllowed,
): Threshold {
  const rows = confidence.length
  const surest = Uint32Array.from({ length: rows }, (_, i) => i).sort((a, b) => confidence[b] - confidence[a] || a - b)
  let chosen: Threshold = { threshold: Infinity, share: 0, loss: accuracyLoss({ rows, worse: 0, better: 0 }), p: 1 }
  let worse = 0
  let better = 0
  let taken = 0
  for (let step = 1; step <= STEPS; step++) {
    const wanted = Math.ceil((rows * step) / STEPS)
    while (taken < rows && (taken < wanted || confidence[surest[taken]] === confidence[surest[taken - 1]])) {
      const row = surest[taken++]
      if (linearRight[row] < transformerRight[row]) worse++
      if (linearRight[row] > transformerRight[row]) better++
    }
    const pairs = { rows, worse, better }
    const loss = accuracyLoss(pairs)
    const p = mcnemarWorse(pairs)
    if (allowed.kind === 'none-significant' ? p <= allowed.level : loss.high > allowed.loss) break
    if (taken > 0)
      chosen = { threshold: taken < rows ? confidence[surest[taken - 1]] : 0, share: taken / rows, loss, p }
  }
  return chosen
}
