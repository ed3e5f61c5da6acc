import type { Millis } from './time.ts'

/** A prediction as it goes into the log. Immutable. */
export interface Prediction {
  /** UUIDv7: its first 48 bits are `at`, so ids sort by time. */
  readonly id: string
  readonly at: Millis
  readonly task: string
  readonly model: string
  readonly version: number
  /** What part of the release answered; `champion` unless a rollout is under way. */
  readonly variant: string
  readonly label: string
  readonly confidence: number
  /** [labels] in the order of the version's manifest, rounded to 6 decimals. */
  readonly probabilities: readonly number[]
  readonly latencyMs: number
  /** What the rolling window said when this was answered. */
  readonly drift: boolean
  /** As `keepText` allows: the text, the redacted text, or null. */
  readonly text: string | null
  /** Keyed 64-bit hash of the text as sent, 16 hexadecimal digits. */
  readonly textHash: string
  readonly chars: number
  readonly tokens: number
  readonly unknown: number
  readonly source: string | null
  /** The caller's own id of the signal, unique within the task. */
  readonly callerId: string | null
  /** Id of the API key that asked; null when the server runs open. */
  readonly keyId: string | null
}

/** The label that counts now, and how it came to be. */
export interface CurrentFeedback {
  readonly label: string
  readonly at: Millis
  readonly correct: boolean
  /** How often the label was contradicted by a later one. */
  readonly changes: number
}

export interface LoggedPrediction extends Prediction {
  /** The labels of the version, in the order of `probabilities`. */
  readonly labels: readonly string[]
  readonly feedback: CurrentFeedback | null
}

/** A true label that arrives after the prediction. Append-only; the newest counts. */
export interface Feedback {
  /** The prediction's id or the caller's id. */
  readonly predictionId: string
  readonly at: Millis
  readonly label: string
  readonly comment: string | null
  readonly keyId: string | null
}

export type FeedbackOutcome =
  | {
      readonly kind: 'new' | 'repeated' | 'changed'
      /** The prediction's own id. */
      readonly id: string
      readonly task: string
      readonly label: string
      readonly correct: boolean
      readonly previousLabel: string | null
    }
  | { readonly kind: 'prediction-unknown' }
  | { readonly kind: 'label-unknown'; readonly labels: readonly string[] }

/**
 * Whether a model knows none of a text's words (another language, another script, nonsense): its answer then says what is
 * usual, and what the text's shape suggests, not what the text says. A text without words (an emoji, a number) is not
 * called unknown: its signs have weights of their own.
 */
export function isUnknown({ tokens, unknown }: Pick<Prediction, 'tokens' | 'unknown'>): boolean {
  return tokens > 0 && unknown === tokens
}
