/** Windows to learn from: where each one ends, drawn so that every kind of anomaly is seen as often as the others. */
import type { Random } from '../../math/random.ts'
import { ANOMALY, type LabelledHistory, NORMAL } from './history.ts'

export interface Examples {
  /** Ends of windows that end in a normal row, as pairs: series, row. */
  readonly normal: Uint32Array
  /** [kinds] the same for windows that end in an anomaly of one kind (0: of none that is known). */
  readonly anomalous: readonly Uint32Array[]
  /** Anomalous rows over rows of either kind. */
  readonly prevalence: number
}

/** A row that is later than the one before by more than this many usual intervals begins a new series. */
export const GAP_INTERVALS = 10

/** Every row that can end a window of `length` rows without a gap inside. */
export function findExamples(series: readonly LabelledHistory[], length: number, gapMs: number): Examples {
  const normal: number[] = []
  const anomalous = new Map<number, number[]>()
  for (const [s, { at, label, kind }] of series.entries()) {
    let begin = 0
    for (let row = 0; row < at.length; row++) {
      if (row > 0 && at[row] - at[row - 1] > gapMs) begin = row
      if (row - begin + 1 < length) continue
      if (label[row] === NORMAL) normal.push(s, row)
      else if (label[row] === ANOMALY) {
        const list = anomalous.get(kind[row])
        if (list === undefined) anomalous.set(kind[row], [s, row])
        else list.push(s, row)
      }
    }
  }
  const lists = [...anomalous.entries()].sort(([a], [b]) => a - b).map(([, list]) => Uint32Array.from(list))
  const bad = lists.reduce((sum, list) => sum + list.length, 0)
  return { normal: Uint32Array.from(normal), anomalous: lists, prevalence: bad / (bad + normal.length) }
}

/** Where one window ends. */
export interface Example {
  readonly series: number
  readonly row: number
  readonly positive: boolean
}

/** Draws with replacement: a share of anomalous windows, of each kind alike, the rest normal; in random order. */
export function drawExamples(examples: Examples, count: number, anomalousShare: number, random: Random): Example[] {
  const { normal, anomalous } = examples
  return Array.from({ length: count }, (): Example => {
    const positive = random() < anomalousShare
    const list = positive ? anomalous[Math.floor(random() * anomalous.length)] : normal
    const place = Math.floor((random() * list.length) / 2) * 2
    return { series: list[place], row: list[place + 1], positive }
  })
}

/**
 * What a classifier of drawn windows says too much: ln of the odds of an anomaly as drawn over those as found
 * (King & Zeng 2001, eq. 7). Its logits minus this are logits of the world.
 */
export function priorShift(anomalousShare: number, prevalence: number): number {
  const odds = (share: number) => Math.log(share / (1 - share))
  return odds(anomalousShare) - odds(prevalence)
}
