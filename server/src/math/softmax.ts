/**
 * Logits → probabilities: pₖ = exp(zₖ − max z) / Σⱼ exp(zⱼ − max z).
 *
 * @param logits [classes] finite
 * @returns [classes] in [0, 1], summing to 1 to rounding. Subtracting the maximum keeps exp from overflowing.
 */
export function softmax(logits: ArrayLike<number>): Float64Array {
  const p = new Float64Array(logits.length)
  let most = -Infinity
  for (let k = 0; k < logits.length; k++) if (logits[k] > most) most = logits[k]
  let total = 0
  for (let k = 0; k < logits.length; k++) total += p[k] = Math.exp(logits[k] - most)
  for (let k = 0; k < logits.length; k++) p[k] /= total
  return p
}

/** ln Σₖ exp zₖ, without overflow; −Infinity of nothing. */
export function logSumExp(logits: ArrayLike<number>): number {
  let most = -Infinity
  for (let k = 0; k < logits.length; k++) if (logits[k] > most) most = logits[k]
  if (most === -Infinity) return most
  let total = 0
  for (let k = 0; k < logits.length; k++) total += Math.exp(logits[k] - most)
  return most + Math.log(total)
}
