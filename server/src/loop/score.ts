import type { QueuedTextModel, Scored, ScoreOptions, TextModel } from '../models/textModel.ts'
import type { LiveVersion } from '../serving/releases.ts'

/** What a version said of one text. */
export interface TextScore {
  readonly label: string
  readonly confidence: number
  /** [labels] rounded to 6 decimals, as they are answered and logged. */
  readonly probabilities: readonly number[]
  readonly tokens: number
  readonly unknown: number
  /** What the version's rolling window says after this text. */
  readonly drift: boolean
  readonly latencyMs: number
}

/**
 * Scores one text at once with a live version and lets the version's rolling window see it.
 *
 * @param model      the version's
 * @param startedMs  when the request was taken in, on the clock of `nowMs`
 * @param nowMs      a monotonic clock in milliseconds with microsecond resolution
 */
export function score(
  text: string,
  version: LiveVersion,
  model: TextModel,
  startedMs: number,
  nowMs: () => number,
): TextScore {
  return answered(text, version, model.score(text), startedMs, nowMs)
}

/** The same where the model has a queue. It is in the queue when this returns. */
export async function scoreQueued(
  text: string,
  version: LiveVersion,
  model: QueuedTextModel,
  options: ScoreOptions,
  startedMs: number,
  nowMs: () => number,
): Promise<TextScore> {
  return answered(text, version, await model.submit(text, options), startedMs, nowMs)
}

/** What a version says of a text that its model has scored; its rolling window sees it. */
export function answered(
  text: string,
  version: LiveVersion,
  scored: Scored,
  startedMs: number,
  nowMs: () => number,
): TextScore {
  const probabilities = Array.from(scored.probabilities, round6)
  const confidence = probabilities[scored.label]
  return {
    label: version.labels[scored.label],
    confidence,
    probabilities,
    tokens: scored.tokens,
    unknown: scored.unknown,
    drift: version.look(text.length, confidence),
    latencyMs: Math.round((nowMs() - startedMs) * 1000) / 1000,
  }
}

function round6(x: number): number {
  return Math.round(x * 1e6) / 1e6
}
