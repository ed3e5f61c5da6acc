/**
 * What every family of text classifiers offers once it is loaded. The small ones score at once, synchronously, pure and
 * deterministic; the neural ones take texts into a queue and answer later.
 */

/** The answer of a model to one text. */
export interface Scored {
  /** Index into the model's labels of the most probable one; the lower index wins a tie. */
  readonly label: number
  /** [labels] calibrated probabilities; they sum to 1. */
  readonly probabilities: Float64Array
  /** Number of word tokens in the text. */
  readonly tokens: number
  /** How many of those tokens the model has no weight for. */
  readonly unknown: number
}

/** What one stretch of the original text adds to each logit. */
export interface SpanContribution {
  /** UTF-16 offsets into the text as it was sent; `end` is exclusive. Spans are ascending and do not overlap. */
  readonly start: number
  readonly end: number
  /** [labels] signed contributions to the logits. */
  readonly contributions: readonly number[]
}

/** An n-gram of the model and what it adds to each logit. */
export interface FeatureContribution {
  readonly feature: string
  readonly start: number
  readonly end: number
  readonly contributions: readonly number[]
}

/**
 * How contributions were found: by integrated gradients, whose sum is what the text changes (to within one per cent), or
 * by leaving out one word at a time, where what words only do together stays in the bias.
 */
export const explainMethods = ['gradients', 'occlusion'] as const
export type ExplainMethod = (typeof explainMethods)[number]

/** logits[k] = bias[k] + sum over spans of contributions[k], to rounding. Logits are after calibration: probabilities = softmax(logits). */
export interface Explanation {
  readonly logits: readonly number[]
  readonly bias: readonly number[]
  readonly spans: readonly SpanContribution[]
  /** The strongest n-grams, strongest first, at most 50. */
  readonly features: readonly FeatureContribution[]
  /** Absent where the model is a sum by itself: then the contributions are its terms. */
  readonly method?: ExplainMethod
}

export interface TextModel {
  readonly labels: readonly string[]
  score(text: string): Scored
  explain(text: string): Explanation
}

/** How long a text may wait for its score, and who waits for it. */
export interface ScoreOptions {
  /** From now on; a text that has no answer by then is refused with the fault `timeout`. */
  readonly deadlineMs: number
  /** True once the caller is gone; asked before the text is scored, so that it need not be. */
  readonly isAbandoned?: () => boolean
  /** One of many: texts that came alone are scored before it. */
  readonly bulk?: boolean
}

/**
 * A model that scores in threads of its own, in batches. It refuses at once with the fault `queue_full` where as many
 * texts wait as may. The answer to a text does not depend on the texts beside it.
 */
export interface QueuedTextModel {
  readonly labels: readonly string[]
  submit(text: string, options: ScoreOptions): Promise<Scored>
  /** @param method without one: gradients, where the model has them */
  explain(text: string, options: ScoreOptions, method?: ExplainMethod): Promise<Explanation>
  /** Answers what it has accepted, then gives its threads and memory back. Nothing may be submitted after it. */
  close(): Promise<void>
}

export type AnyTextModel = TextModel | QueuedTextModel

export function isQueued(model: AnyTextModel): model is QueuedTextModel {
  return 'submit' in model
}
