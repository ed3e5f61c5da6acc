/** How much a feature may weigh before it has been learned: the scales that the solver's weights are multiplied by. */

/**
 * Naive-Bayes log-count ratio of one feature for one label against the others.
 *
 *   r = ln( ((α + c₁) / N₁) / ((α + c₀) / N₀) )       nats; 0 = says nothing; signed
 *   N₁ = Σ over features of (α + c₁), N₀ likewise
 *
 * c₁, c₀: in how much weight of rows of the label, and of the others, the feature occurs; α: smoothing, 1.
 * Wang & Manning 2012, §2.1 (binary counts, f̂).
 */
export function logCountRatio(
  inLabel: number,
  inOthers: number,
  labelTotal: number,
  othersTotal: number,
  alpha = 1,
): number {
  return Math.log((alpha + inLabel) / labelTotal) - Math.log((alpha + inOthers) / othersTotal)
}

/**
 * Smoothed inverse document frequency, as scikit-learn has it.
 *
 *   idf = ln( (1 + n) / (1 + df) ) + 1                 ≥ 1
 */
export function inverseDocumentFrequency(rows: number, df: number): number {
  return Math.log((1 + rows) / (1 + df)) + 1
}
