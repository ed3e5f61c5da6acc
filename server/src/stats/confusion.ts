/**
 * Metrics of hard labels, all from the confusion matrix.
 *
 * A class that does not occur is left out of an average, never counted as 0 or 1; of no rows every metric is NaN.
 */

/** [actual][predicted] counts. */
export type Confusion = readonly (readonly number[])[]

/**
 * @param actual    [rows] indices into the labels
 * @param predicted [rows] likewise
 * @param labels    number of labels
 */
export function confusion(actual: ArrayLike<number>, predicted: ArrayLike<number>, labels: number): number[][] {
  const counts = Array.from({ length: labels }, () => Array.from({ length: labels }, () => 0))
  for (let i = 0; i < actual.length; i++) counts[actual[i]][predicted[i]]++
  return counts
}

/** The counts that the averages below need: of each label, how often it was right, was there, was said. */
export interface LabelCounts {
  /** [labels] predicted and true. */
  readonly hits: Float64Array
  /** [labels] true. */
  readonly actual: Float64Array
  /** [labels] predicted. */
  readonly predicted: Float64Array
}

export function labelCounts(matrix: Confusion): LabelCounts {
  const counts = {
    hits: new Float64Array(matrix.length),
    actual: new Float64Array(matrix.length),
    predicted: new Float64Array(matrix.length),
  }
  for (const [a, row] of matrix.entries()) {
    counts.hits[a] = row[a]
    for (const [p, count] of row.entries()) {
      counts.actual[a] += count
      counts.predicted[p] += count
    }
  }
  return counts
}

/** Share of rows that are right: Σ hits / rows. In [0, 1]. */
export function accuracy({ hits, actual }: LabelCounts): number {
  return total(hits) / total(actual)
}

/**
 * Mean over the labels that occur of recall = hits / actual. In [0, 1]. Also called balanced accuracy; TweetEval's
 * measure for sentiment. scikit-learn: balanced_accuracy_score.
 */
export function macroRecall({ hits, actual }: LabelCounts): number {
  let sum = 0
  let present = 0
  for (let k = 0; k < hits.length; k++) {
    if (actual[k] === 0) continue
    sum += hits[k] / actual[k]
    present++
  }
  return sum / present
}

/**
 * Mean of F1 = 2·hits / (actual + predicted) over the labels that occur or are predicted. In [0, 1]; a label
 * that is predicted but never there, or there but never predicted, has F1 = 0.
 * scikit-learn: f1_score(average='macro', zero_division=0).
 */
export function macroF1({ hits, actual, predicted }: LabelCounts): number {
  let sum = 0
  let present = 0
  for (let k = 0; k < hits.length; k++) {
    if (actual[k] + predicted[k] === 0) continue
    sum += (2 * hits[k]) / (actual[k] + predicted[k])
    present++
  }
  return sum / present
}

function total(counts: Float64Array): number {
  let sum = 0
  for (const count of counts) sum += count
  return sum
}
