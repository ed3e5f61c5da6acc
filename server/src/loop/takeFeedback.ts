import type { Feedback, FeedbackOutcome } from '../domain/prediction.ts'
import type { Keeping } from '../domain/redaction/keeping.ts'
import type { Store } from '../store/store.ts'

/**
 * Writes true labels to the log, with as much of their comments as it keeps. Each is for a prediction by its own id, by
 * the caller's as it was sent, or by the caller's as the log keeps it.
 *
 * @returns one outcome an item, in order
 */
export async function takeFeedback(
  items: readonly Feedback[],
  { journal, keeping }: { readonly journal: Pick<Store['journal'], 'feedback'>; readonly keeping: Keeping },
): Promise<readonly FeedbackOutcome[]> {
  const kept = items.map((item) => ({ ...item, comment: item.comment === null ? null : keeping.text(item.comment) }))
  const outcomes = await journal.feedback(kept)
  const asked = kept.flatMap((item, at) => {
    const name = keeping.name(item.predictionId)
    return outcomes[at].kind === 'prediction-unknown' && name !== item.predictionId
      ? [{ at, item: { ...item, predictionId: name } }]
      : []
  })
  if (asked.length === 0) return outcomes
  const found = new Map<number, FeedbackOutcome>()
  const answers = await journal.feedback(asked.map(({ item }) => item))
  for (const [i, { at }] of asked.entries()) found.set(at, answers[i])
  return outcomes.map((outcome, at) => found.get(at) ?? outcome)
}
