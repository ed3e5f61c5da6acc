/**
 * Rows to learn from, to choose by, and to measure on, apart by machine *and* by time: what a detector knows of a
 * machine, or of a Tuesday on which all machines did something, must not help it in the measurement.
 *
 * With enough machines: three fifths of them, up to seven tenths of the time, to learn from; a fifth to choose by and
 * a fifth to measure on, both after that time. With fewer there is only the time: three fifths, a fifth, a fifth.
 */
import { type Random, shuffle } from '../../math/random.ts'
import { type LabelledHistory, rowAt, sliceHistory } from './history.ts'

export interface Split {
  readonly learn: readonly LabelledHistory[]
  readonly choose: readonly LabelledHistory[]
  readonly measure: readonly LabelledHistory[]
  /** Whether the machines differ, or only the times. */
  readonly by: 'machine and time' | 'time'
}

const MACHINES_MIN = 5

/** @param purge rows that are left out after each cut, so that no window of one part reaches into another. */
export function splitHistories(histories: readonly LabelledHistory[], purge: number, random: Random): Split {
  const first = Math.min(...histories.map(({ at }) => at[0]))
  const last = Math.max(...histories.map(({ at }) => at[at.length - 1]))
  const until = (one: LabelledHistory, share: number) => rowAt(one, first + share * (last - first))
  if (histories.length < MACHINES_MIN)
    return {
      learn: histories.map((one) => sliceHistory(one, 0, until(one, 0.6))),
      choose: histories.map((one) => sliceHistory(one, until(one, 0.6) + purge, until(one, 0.8))),
      measure: histories.map((one) => sliceHistory(one, until(one, 0.8) + purge, one.at.length)),
      by: 'time',
    }
  const order = [...histories]
  shuffle(order, random)
  const part = Math.max(1, Math.round(order.length / 5))
  const late = (one: LabelledHistory) => sliceHistory(one, until(one, 0.7) + purge, one.at.length)
  return {
    learn: order.slice(2 * part).map((one) => sliceHistory(one, 0, until(one, 0.7))),
    choose: order.slice(0, part).map(late),
    measure: order.slice(part, 2 * part).map(late),
    by: 'machine and time',
  }
}
