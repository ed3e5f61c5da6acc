/**
 * Faults put into a history of a node, with their labels: how a detector with a supervised head learns before a person
 * has labelled anything. Six kinds, with strengths in the metric's own local spread
 *
 *   s = max(1.4826 · MAD, 2 % of |median|)   over the hour around the fault
 *
 *   spike         2–4 samples       x + k·s                            k in [6, 20], 4 of 5 upwards
 *   level-shift   10–60 min         x + k·s                            k in [4, 12], 2 of 3 upwards
 *   drift         30–120 min        x + k·s·(elapsed share)            k in [6, 15], 2 of 3 upwards
 *   drop-out      3–30 min          not reported, or reported as 0     one of two
 *   variance      10–60 min         median + k·(x − median)            k in [4, 8]
 *   flatline      10–60 min         the last value before it
 *
 * Downward shifts and drifts do not pass below a twentieth of the value: a rate does not become negative.
 *
 * Labels are ANOMALY from the first sample that a fault changes by more than s (for a flat line, a drop-out and a
 * variance: from its first sample) to its last. The samples of a drift before that, and those of the window after a
 * fault (whose statistics still contain it), are UNKNOWN: they are neither learnt from nor counted.
 */
import { type Random, seededRandom } from '../../math/random.ts'
import { ANOMALY, type History, intervalOf, type LabelledHistory, NORMAL, UNKNOWN } from './history.ts'

export const faultKinds = ['spike', 'level-shift', 'drift', 'drop-out', 'variance', 'flatline'] as const
export type FaultKind = (typeof faultKinds)[number]

export interface InjectedFault {
  readonly kind: FaultKind
  /** Names of the metrics it changes. */
  readonly metrics: readonly string[]
  /** Rows [from, to), from the first that shows it. */
  readonly from: number
  readonly to: number
}

export interface Injection {
  readonly history: LabelledHistory
  /** In the order of time; they do not overlap. */
  readonly faults: readonly InjectedFault[]
}

export interface Inject {
  readonly seed: number
  /** Mean number of faults a day. */
  readonly perDay: number
  /** Rows so long after a fault are UNKNOWN. */
  readonly afterSeconds: number
  readonly kinds?: readonly FaultKind[]
}

const MINUTE = 60
/** Faults keep this distance, and begin no sooner after the start: each meets a node at peace. */
const APART_SECONDS = 60 * MINUTE
const NEIGHBOURHOOD_SECONDS = 30 * MINUTE

const durations: Readonly<Record<FaultKind, readonly [number, number]>> = {
  spike: [0, 0],
  'level-shift': [10 * MINUTE, 60 * MINUTE],
  drift: [30 * MINUTE, 120 * MINUTE],
  'drop-out': [3 * MINUTE, 30 * MINUTE],
  variance: [10 * MINUTE, 60 * MINUTE],
  flatline: [10 * MINUTE, 60 * MINUTE],
}

/** Gives a changed copy; the history stays as it is. */
export function injectFaults(history: History, asked: Inject): Injection {
  const random = seededRandom(asked.seed)
  const kinds = asked.kinds ?? faultKinds
  const seconds = intervalOf(history) / 1000
  const values = history.values.slice()
  const rows = history.at.length
  const label = new Uint8Array(rows).fill(NORMAL)
  const kind = new Uint8Array(rows)
  const faults: InjectedFault[] = []
  const apart = Math.ceil(APART_SECONDS / seconds)
  const gapMean = Math.max(1, 86_400 / seconds / asked.perDay - apart)
  let row = apart
  for (;;) {
    row += Math.round(-Math.log(1 - random()) * gapMean)
    const chosen = kinds[Math.floor(random() * kinds.length)]
    const [shortest, longest] = durations[chosen]
    const count =
      chosen === 'spike'
        ? 2 + Math.floor(random() * 3)
        : Math.max(2, Math.round((shortest + (longest - shortest) * random()) / seconds))
    if (!(row + count < rows)) break
    const changed = chooseMetrics(history.metrics, random)
    const shape = drawShape(chosen, random)
    let visible = row + count
    for (const m of changed) visible = Math.min(visible, change({ history, values, m, row, count, seconds }, shape))
    const end = row + count
    label.fill(UNKNOWN, row, Math.min(rows, end + Math.ceil(asked.afterSeconds / seconds)))
    // A flat line in what was flat anyway is no fault that anybody could see.
    if (visible < end) {
      label.fill(ANOMALY, visible, end)
      kind.fill(faultKinds.indexOf(chosen) + 1, visible, end)
      faults.push({ kind: chosen, metrics: changed.map((m) => history.metrics[m]), from: visible, to: end })
    }
    row = end + apart
  }
  return { history: { ...history, values, label, kind, kinds: faultKinds }, faults }
}

/** One metric in half of the faults, two in the other, where there are two. */
function chooseMetrics(metrics: readonly string[], random: Random): number[] {
  const first = Math.floor(random() * metrics.length)
  if (metrics.length === 1 || random() < 0.5) return [first]
  return [first, (first + 1 + Math.floor(random() * (metrics.length - 1))) % metrics.length]
}

/** What the metrics of one fault share. */
type Shape =
  | { readonly kind: 'spike' | 'level-shift' | 'drift'; readonly k: number }
  | { readonly kind: 'variance'; readonly k: number }
  | { readonly kind: 'drop-out'; readonly zero: boolean }
  | { readonly kind: 'flatline' }

function drawShape(kind: FaultKind, random: Random): Shape {
  const between = (low: number, high: number) => low + (high - low) * random()
  const signed = (up: number, k: number) => (random() < up ? k : -k)
  switch (kind) {
    case 'spike':
      return { kind, k: signed(4 / 5, between(6, 20)) }
    case 'level-shift':
      return { kind, k: signed(2 / 3, between(4, 12)) }
    case 'drift':
      return { kind, k: signed(2 / 3, between(6, 15)) }
    case 'variance':
      return { kind, k: between(4, 8) }
    case 'drop-out':
      return { kind, zero: random() < 0.5 }
    case 'flatline':
      return { kind }
    default:
      return kind satisfies never
  }
}

interface Place {
  readonly history: History
  /** [rows, metrics] the copy that is changed */
  readonly values: Float64Array
  readonly m: number
  readonly row: number
  readonly count: number
  readonly seconds: number
}

/** Changes one metric; gives the first row at which anybody could see it. */
function change(place: Place, shape: Shape): number {
  const { history, values, m, row, count } = place
  const width = history.metrics.length
  const { median, spread } = neighbourhood(place)
  const least = shape.kind === 'spike' || shape.kind === 'level-shift' || shape.kind === 'drift' ? spread : 0
  let visible = row + count
  for (let i = count - 1; i >= 0; i--) {
    const at = (row + i) * width + m
    const before = history.values[at]
    values[at] = changedValue(shape, before, i, place, median, spread)
    const gone = Number.isNaN(values[at]) !== Number.isNaN(before)
    if (gone || Math.abs(values[at] - before) > least) visible = row + i
  }
  return visible
}

function changedValue(shape: Shape, x: number, i: number, place: Place, median: number, spread: number): number {
  const { history, m, row, count } = place
  switch (shape.kind) {
    case 'spike':
    case 'level-shift':
      return moved(x, shape.k * spread)
    case 'drift':
      return moved(x, (shape.k * spread * (i + 1)) / count)
    case 'variance':
      return notBelow(median + shape.k * (x - median), x, 0)
    case 'drop-out':
      return shape.zero ? 0 : NaN
    case 'flatline':
      return history.values[(row - 1) * history.metrics.length + m]
    default:
      return shape satisfies never
  }
}

function moved(x: number, by: number): number {
  return notBelow(x + by, x, x / 20)
}

/** What is never negative does not become so. */
function notBelow(changed: number, x: number, floor: number): number {
  return x >= 0 ? Math.max(floor, changed) : changed
}

/** Median and spread of a metric in the hour around the start of a fault, as the node had it. */
function neighbourhood({ history, m, row, seconds }: Place): { median: number; spread: number } {
  const reach = Math.ceil(NEIGHBOURHOOD_SECONDS / seconds)
  const width = history.metrics.length
  const near: number[] = []
  for (let r = Math.max(0, row - reach); r < Math.min(history.at.length, row + reach); r++) {
    const x = history.values[r * width + m]
    if (!Number.isNaN(x)) near.push(x)
  }
  if (near.length === 0) return { median: 0, spread: 0 }
  const median = middle(near)
  const mad = middle(near.map((x) => Math.abs(x - median)))
  return { median, spread: Math.max(1.4826 * mad, 0.02 * Math.abs(median)) }
}

function middle(numbers: readonly number[]): number {
  const sorted = Float64Array.from(numbers).sort()
  return sorted[sorted.length >> 1]
}
