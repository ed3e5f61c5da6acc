/**
 * Asynchronous successive halving: which trial is not worth going on with (Li et al. 2018, “A System for Massively
 * Parallel Hyperparameter Tuning”, algorithm 2, in the form that stops a trial instead of pausing it, as Optuna's
 * pruner does).
 *
 * Rungs lie at epochs r, rη, rη² …. A trial that comes to a rung continues if its best value so far is among the best
 * ⌊n/η⌋ (one at least) of the n trials that have come to it, itself included. No trial waits for another one.
 */

import { bestOf } from '../../domain/trainingRun.ts'

export interface Halving {
  /** r: no trial is judged before. */
  readonly epochsMin: number
  /** η: of so many, one continues. */
  readonly reduction: number
}

export const halving: Halving = { epochsMin: 1, reduction: 3 }

/**
 * @param values  [epochs so far] of the trial in question
 * @param others  [trials][epochs] of all other trials, also those that were pruned
 */
export function isHopeless(
  values: readonly number[],
  others: readonly (readonly number[])[],
  { epochsMin, reduction }: Halving = halving,
): boolean {
  const epochs = values.length
  if (!isRung(epochs, epochsMin, reduction)) return false
  const own = bestOf(values)
  const reached = others.filter((other) => other.length >= epochs).map((other) => bestOf(other.slice(0, epochs)))
  const places = Math.max(1, Math.floor((reached.length + 1) / reduction))
  return reached.filter((other) => other < own).length >= places
}

function isRung(epochs: number, epochsMin: number, reduction: number): boolean {
  let rung = epochsMin
  while (rung < epochs) rung *= reduction
  return rung === epochs
}
