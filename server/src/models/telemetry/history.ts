/** What a node has reported: samples of named numbers over time, by column. */
import type { Millis } from '../../domain/time.ts'

/** The metrics of the reference design, in the order in which features are made of them. */
export const baseMetrics = ['bytes_in', 'bytes_out', 'packets_in', 'packets_out', 'latency'] as const

export interface History {
  readonly node: string
  /** Names of the columns. */
  readonly metrics: readonly string[]
  /** [rows] milliseconds, strictly ascending */
  readonly at: Float64Array
  /** [rows, metrics] row-major; NaN where the sample lacks the metric. Rates are per second, latency is in ms. */
  readonly values: Float64Array
}

/** What is known of a row of a history. */
export const NORMAL = 0
export const ANOMALY = 1
/** Neither: unlabelled or ambiguous. Such rows are neither trained on nor measured on. */
export const UNKNOWN = 255

export interface LabelledHistory extends History {
  /** [rows] NORMAL, ANOMALY or UNKNOWN */
  readonly label: Uint8Array
  /** [rows] of an anomaly the index of its kind in `kinds`, plus 1; 0 where it has none. */
  readonly kind: Uint8Array
  readonly kinds: readonly string[]
}

/** The row as it was sent. The view lives as long as the history. */
export function rowOf(history: History, row: number): Float64Array {
  const width = history.metrics.length
  return history.values.subarray(row * width, (row + 1) * width)
}

/** The rows [from, to) as a history of their own, without a copy. */
export function sliceHistory(history: LabelledHistory, from: number, to: number): LabelledHistory {
  const width = history.metrics.length
  return {
    ...history,
    at: history.at.subarray(from, to),
    values: history.values.subarray(from * width, to * width),
    label: history.label.subarray(from, to),
    kind: history.kind.subarray(from, to),
  }
}

/** The same rows with these metrics only, in this order; one that the history lacks is missing everywhere. */
export function withMetrics(history: LabelledHistory, metrics: readonly string[]): LabelledHistory {
  const places = metrics.map((metric) => history.metrics.indexOf(metric))
  const values = new Float64Array(history.at.length * metrics.length)
  for (let row = 0; row < history.at.length; row++) {
    const sent = rowOf(history, row)
    for (const [m, place] of places.entries()) values[row * metrics.length + m] = place < 0 ? NaN : sent[place]
  }
  return { ...history, metrics, values }
}

/** The first row at or after a time; the number of rows where there is none. */
export function rowAt({ at }: History, time: Millis): number {
  let low = 0
  let high = at.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (at[middle] < time) low = middle + 1
    else high = middle
  }
  return low
}

/** The usual distance of two samples: the median, in milliseconds. NaN of fewer than two. */
export function intervalOf({ at }: History): Millis {
  const gaps = Float64Array.from({ length: Math.max(0, at.length - 1) }, (_, i) => at[i + 1] - at[i]).sort()
  return gaps.length === 0 ? NaN : gaps[gaps.length >> 1]
}
