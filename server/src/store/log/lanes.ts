/** Two journals as one, so that a call of many megabytes does not hold up the small ones that come after it. */
import type { Prediction } from '../../domain/prediction.ts'
import type { OpenJournal } from './journal.ts'

/** Characters of text from which a call is large: PostgreSQL indexes about two million of them a second. */
const LARGE_CHARS = 500_000

export function lanes(small: OpenJournal, large: OpenJournal): OpenJournal {
  return {
    append: (predictions) => (charsOf(predictions) >= LARGE_CHARS ? large : small).append(predictions),
    appendOne: (prediction) => ((prediction.text?.length ?? 0) >= LARGE_CHARS ? large : small).appendOne(prediction),
    feedback: (items) => small.feedback(items),
    get depth() {
      return small.depth + large.depth
    },
    get commits() {
      return small.commits + large.commits
    },
    async drain() {
      await Promise.all([small.drain(), large.drain()])
    },
    abandon() {
      small.abandon()
      large.abandon()
    },
  }
}

function charsOf(predictions: readonly Prediction[]): number {
  return predictions.reduce((chars, { text }) => chars + (text?.length ?? 0), 0)
}
