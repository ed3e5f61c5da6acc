/** Many texts of one caller through a model with a queue. */
import { Fault } from '../domain/faults.ts'
import type { QueuedTextModel, Scored, ScoreOptions } from './textModel.ts'

/** Texts that wait at a time: enough for good batches, and the queue has room for other callers. */
const WINDOW_TEXTS = 64

/** When a text gave up its place in a full queue, the time before it is tried again. */
const AGAIN_MS = 20

/**
 * Scores texts, not in their order but from the shortest to the longest, so that texts of a batch are about equally
 * long. Where the queue is full it waits, until the deadline.
 *
 * @param pause   waits for so many milliseconds
 * @param scored  is told each answer, or the fault in its place; what it throws ends the whole
 */
export async function scoreMany(
  model: Pick<QueuedTextModel, 'submit'>,
  texts: readonly string[],
  options: ScoreOptions,
  pause: (ms: number) => Promise<void>,
  scored: (index: number, answer: Scored | Fault) => void,
): Promise<void> {
  const order = Array.from(texts.keys()).sort((a, b) => texts[a].length - texts[b].length)
  let next = 0
  const walk = async () => {
    while (next < order.length) {
      const index = order[next++]
      scored(index, await submitted(texts[index]))
    }
  }
  const submitted = async (text: string): Promise<Scored | Fault> => {
    for (let waitedMs = 0; ; waitedMs += AGAIN_MS) {
      try {
        return await model.submit(text, { ...options, bulk: true })
      } catch (error) {
        if (!(error instanceof Fault)) throw error
        if (error.code !== 'queue_full' || waitedMs >= options.deadlineMs) return error
        await pause(AGAIN_MS)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(WINDOW_TEXTS, order.length) }, walk))
}
