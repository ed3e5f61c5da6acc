/**
 * What a detector yields at a threshold: which events it found, how late, and how many of its alerts were false.
 *
 * An alert is a run of scores at or above the threshold; runs less than five minutes apart are one alert. An event is
 * a run of anomalous rows; it is found if any of its rows alerts (never the point-adjusted F1, which then counts all
 * of them). An alert is false if all of its rows are normal; one that touches an event, or rows without a label,
 * is not. One that continues over normal rows counts once more every hour, so that alerting all the time does not score well. Rows before `from` (the node has not been watched for long enough) are left aside.
 */
import { ANOMALY, type LabelledHistory, NORMAL } from '../../models/telemetry/history.ts'

export interface ScoredSeries {
  readonly history: LabelledHistory
  /** [rows] higher is more anomalous; NaN counts as below any threshold */
  readonly scores: ArrayLike<number>
  readonly from: number
}

export interface Detection {
  readonly events: number
  /** Share of events found; NaN without events. */
  readonly eventRecall: number
  /** Median over found events, in seconds after their first row; NaN where none was found. */
  readonly delaySeconds: number
  readonly falseAlerts: number
  /** Weeks of normal rows, all nodes together. */
  readonly nodeWeeks: number
  readonly falseAlertsPerNodeWeek: number
}

/** What one series adds; sums over series. */
export interface AlertCounts {
  readonly events: number
  /** [found events] seconds */
  readonly delays: readonly number[]
  readonly falseAlerts: number
  readonly normalMs: number
}

const TOGETHER_MS = 300_000
const AGAIN_MS = 3_600_000
const WEEK_MS = 7 * 86_400_000

/** @param kind count only events of this kind (an index into `kinds`); all by default. */
export function detection(series: readonly ScoredSeries[], threshold: number, kind?: number): Detection {
  return pooled(series.map((one) => countAlerts(one, threshold, kind)))
}

export function countAlerts(one: ScoredSeries, threshold: number, kind?: number): AlertCounts {
  const { at, label } = one.history
  const delays: number[] = []
  const events = eventsOf(one, kind)
  for (const { from, to } of events) {
    const first = firstAt(one, from, to, threshold)
    if (first < to) delays.push((at[first] - at[from]) / 1000)
  }
  let normalMs = 0
  for (let row = Math.max(1, one.from); row < at.length; row++)
    if (label[row] === NORMAL) normalMs += Math.min(at[row] - at[row - 1], TOGETHER_MS)
  return { events: events.length, delays, falseAlerts: countFalse(one, threshold), normalMs }
}

export function pooled(counts: readonly AlertCounts[]): Detection {
  const events = counts.reduce((sum, each) => sum + each.events, 0)
  const falseAlerts = counts.reduce((sum, each) => sum + each.falseAlerts, 0)
  const nodeWeeks = counts.reduce((sum, each) => sum + each.normalMs, 0) / WEEK_MS
  const delays = counts.flatMap((each) => each.delays).sort((a, b) => a - b)
  return {
    events,
    eventRecall: delays.length / events,
    delaySeconds: delays[delays.length >> 1] ?? NaN,
    falseAlerts,
    nodeWeeks,
    falseAlertsPerNodeWeek: falseAlerts / nodeWeeks,
  }
}

/** Runs of anomalous rows [from, to) of one kind. */
function eventsOf({ history, from }: ScoredSeries, only?: number): { from: number; to: number }[] {
  const { label, kind } = history
  const found: { from: number; to: number }[] = []
  for (let row = from; row < label.length; row++) {
    if (label[row] !== ANOMALY) continue
    const begin = row
    while (row + 1 < label.length && label[row + 1] === ANOMALY && kind[row + 1] === kind[begin]) row++
    if (only === undefined || kind[begin] === only + 1) found.push({ from: begin, to: row + 1 })
  }
  return found
}

function firstAt({ scores }: ScoredSeries, from: number, to: number, threshold: number): number {
  let row = from
  while (row < to && !(scores[row] >= threshold)) row++
  return row
}

function countFalse({ history, scores, from }: ScoredSeries, threshold: number): number {
  const { at, label } = history
  let count = 0
  let last = -Infinity
  let isFalse = false
  let normalMs = 0
  const close = () => {
    count += (isFalse ? 1 : 0) + Math.floor(normalMs / AGAIN_MS)
  }
  for (let row = from; row < at.length; row++) {
    if (!(scores[row] >= threshold)) continue
    const since = at[row] - last
    if (since > TOGETHER_MS) {
      close()
      isFalse = true
      normalMs = 0
    } else if (label[row] === NORMAL) normalMs += since
    if (label[row] !== NORMAL) isFalse = false
    last = at[row]
  }
  close()
  return count
}
