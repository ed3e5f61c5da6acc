/** What words add to logits → the form in which every model explains itself. */
import type { ExplainMethod, Explanation, FeatureContribution } from '../../models/textModel.ts'
import type { Word } from './words.ts'

/** The strongest words that an explanation lists. */
const FEATURES_MAX = 50

/**
 * @param contributions [words, labels] to centred logits, before temperature
 * @param logits        [labels] centred, before temperature
 *
 * The bias is what the words leave over: exactly, so that bias and spans sum to the logits. With gradients it is what
 * the model says of the baseline (to within one per cent of the difference), with occlusion that and whatever words do
 * only together.
 */
export function toExplanation(
  text: string,
  words: readonly Word[],
  contributions: Float64Array,
  logits: Float64Array,
  temperature: number,
  method: ExplainMethod,
): Explanation {
  const labels = logits.length
  const scaled = Array.from(logits, (z) => z / temperature)
  const spans = words.map(({ start, end }, w) => ({
    start,
    end,
    contributions: Array.from(contributions.subarray(w * labels, (w + 1) * labels), (x) => x / temperature),
  }))
  const bias = scaled.map((z, k) => z - spans.reduce((sum, span) => sum + span.contributions[k], 0))
  const features = spans
    .map((span): FeatureContribution => ({ feature: text.slice(span.start, span.end).toLowerCase(), ...span }))
    .sort((a, b) => strength(b) - strength(a) || a.start - b.start)
    .slice(0, FEATURES_MAX)
  return {
    logits: bias.map((b, k) => spans.reduce((sum, span) => sum + span.contributions[k], b)),
    bias,
    spans,
    features,
    method,
  }
}

const strength = (feature: FeatureContribution): number => Math.max(...feature.contributions.map(Math.abs))
