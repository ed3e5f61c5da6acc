/** The cheapest monitor: a rolling window of text length and confidence against the version's frozen reference. */

/** Mean and standard deviation of one signal in the reference. */
export interface Baseline {
  readonly mean: number
  readonly std: number
}

export interface RollingReference {
  readonly chars: Baseline
  readonly confidence: Baseline
}

/** The newest `WINDOW_ROWS` predictions are looked at; before there are as many, nothing is called drift. */
export const WINDOW_ROWS = 200

/**
 * A signal has drifted when its mean is more than half a standard deviation of the reference away. Over 200
 * independent rows that is 7 standard errors, so rows from the reference itself never trip it; traffic that comes in
 * sessions of alike texts has some room, too.
 */
export const SHIFT_MAX = 0.5

/**
 * A window for one version: `look` takes one prediction in and says whether the window has drifted now.
 *
 *   drift ⇔ n = WINDOW_ROWS and max over signals of |mean(live) − mean(reference)| / std(reference) > SHIFT_MAX
 *
 * O(1) a prediction. Sums are kept as exact integers (characters; confidence in 2⁻²⁰ units), so they do not wander.
 */
export function rollingWindow(reference: RollingReference | null): (chars: number, confidence: number) => boolean {
  if (reference === null) return () => false
  const chars = new Float64Array(WINDOW_ROWS)
  const confidences = new Float64Array(WINDOW_ROWS)
  let charsSum = 0
  let confidenceSum = 0
  let rows = 0
  let next = 0
  return (charsNow, confidenceNow) => {
    const confidence = Math.round(confidenceNow * 2 ** 20)
    charsSum += charsNow - chars[next]
    confidenceSum += confidence - confidences[next]
    chars[next] = charsNow
    confidences[next] = confidence
    next = (next + 1) % WINDOW_ROWS
    if (rows < WINDOW_ROWS) rows++
    if (rows < WINDOW_ROWS) return false
    return (
      shift(charsSum / rows, reference.chars) > SHIFT_MAX ||
      shift(confidenceSum / rows / 2 ** 20, reference.confidence) > SHIFT_MAX
    )
  }
}

/** In standard deviations of the reference; a reference that never varies is drifted from by any change. */
function shift(mean: number, reference: Baseline): number {
  const distance = Math.abs(mean - reference.mean)
  if (reference.std > 0) return distance / reference.std
  return distance === 0 ? 0 : Number.POSITIVE_INFINITY
}
