/** The metrics of an evaluation, named and put on an axis. */
import type { EstimateBody } from '@barometer/wire'

interface Meaning {
  readonly name: string
  /** Which way is better. */
  readonly better: 'higher' | 'lower'
  readonly unit: Unit
}

/** A share is shown in per cent. */
export type Unit = 'share' | 'seconds' | 'plain'

/** In the order in which they are shown. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  accuracy: { name: 'Accuracy', better: 'higher', unit: 'share' },
  macroRecall: { name: 'Macro recall', better: 'higher', unit: 'share' },
  macroF1: { name: 'Macro F1', better: 'higher', unit: 'share' },
  rocAuc: { name: 'ROC AUC', better: 'higher', unit: 'share' },
  logLoss: { name: 'Log loss', better: 'lower', unit: 'plain' },
  brier: { name: 'Brier', better: 'lower', unit: 'plain' },
  ece: { name: 'Calibration error', better: 'lower', unit: 'share' },
  eventRecall: { name: 'Faults found', better: 'higher', unit: 'share' },
  delaySeconds: { name: 'Delay', better: 'lower', unit: 'seconds' },
  falseAlertsPerNodeWeek: { name: 'False alerts per node and week', better: 'lower', unit: 'plain' },
}

export function meaningOf(metric: string): Meaning {
  return MEANINGS[metric] ?? { name: metric, better: 'higher', unit: 'plain' }
}

/** Known metrics in their order, the others after them by name. */
export function inOrder(metrics: Readonly<Record<string, EstimateBody>>): [string, EstimateBody][] {
  const names = Object.keys(MEANINGS)
  const rank = (metric: string): number => (names.includes(metric) ? names.indexOf(metric) : names.length)
  return Object.entries(metrics).sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

/** A share in per cent, anything else as it is; with its unit where it stands alone. */
export function figure(value: number, unit: Unit, digits?: number, withUnit = false): string {
  if (unit === 'seconds') return value.toFixed(0) + (withUnit ? '\u202fs' : '')
  if (unit === 'plain') return value.toFixed(digits ?? 3)
  return (value * 100).toFixed(digits ?? 1) + (withUnit ? '\u202f%' : '')
}

export interface Scale {
  readonly from: number
  readonly to: number
}

/** An axis is at least so wide, so that noise does not fill it. */
const SPAN_MIN: Readonly<Record<Unit, number>> = { share: 0.05, seconds: 60, plain: 0.05 }

/** An axis that holds all the intervals and ends on round numbers; a share's axis ends at 0 and 1. */
export function axisFor(estimates: readonly EstimateBody[], unit: Unit, spanMin = SPAN_MIN[unit]): Scale {
  const low = Math.min(...estimates.map((e) => e.low))
  const high = Math.max(...estimates.map((e) => e.high))
  const spare = Math.max(0, spanMin - (high - low)) / 2
  const step = roundStep((high - low + 2 * spare) / STEPS)
  // Shifted where it would leave the range of shares, so that it keeps its width there.
  const shift = Math.max(0, spare - low) - (unit === 'share' ? Math.max(0, high + spare - 1) : 0)
  const from = Math.floor((low - spare + shift) / step + ROUNDING) * step
  const to = Math.ceil((high + spare + shift) / step - ROUNDING) * step
  return { from: Math.max(0, from), to: unit === 'share' ? Math.min(1, to) : to }
}

const STEPS = 5
const ROUNDING = 1e-9

/** The next larger of 1, 2, 5 times a power of ten. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  return power * ([1, 2, 5].find((n) => n * power >= least) ?? 10)
}

/** Where a value stands on the axis, from 0 to 1. */
export function place(value: number, { from, to }: Scale): number {
  return Math.min(1, Math.max(0, (value - from) / (to - from)))
}

/** Names without what the first of them says already (`held-out`, `held-out, linear alone`): the place is narrow. */
export function distinct(names: readonly string[]): string[] {
  const [first = ''] = names
  return names.map((name) =>
    /^[,:] ./.test(name.slice(first.length)) && name.startsWith(first) ? name.slice(first.length + 2) : name,
  )
}
