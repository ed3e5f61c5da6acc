/** Why a transformer says what it says, by integrated gradients: complete to within one per cent. */
import type { Explanation } from '../../models/textModel.ts'
import type { Encoding } from '../tokenize/encoding.ts'
import type { GradientExplainer } from './integratedGradients.ts'
import { toExplanation } from './toExplanation.ts'
import { unsaid, wordsOf } from './words.ts'

export interface ExplainedByGradients {
  readonly explanation: Explanation
  /** |Σ contributions − what the text changes| as a share of the latter, the largest over the labels. */
  readonly error: number
}

/**
 * @param baselineId  what stands for a word that is not said: the mask token where there is one, else the padding
 * @param temperature of the version's calibration
 */
export async function explainByGradients(
  text: string,
  encoding: Encoding,
  explainer: Pick<GradientExplainer, 'labels' | 'attribute'>,
  asked: { readonly baselineId: number; readonly temperature: number; readonly signal?: AbortSignal },
): Promise<ExplainedByGradients> {
  const words = wordsOf(text, encoding)
  const nothing = unsaid(encoding, words, asked.baselineId)
  const { perToken, logits, error } = await explainer.attribute(encoding.ids, nothing, asked.signal)
  const { labels } = explainer
  const contributions = new Float64Array(words.length * labels)
  for (const [w, { tokens }] of words.entries())
    for (const t of tokens) for (let k = 0; k < labels; k++) contributions[w * labels + k] += perToken[t * labels + k]
  return { explanation: toExplanation(text, words, contributions, logits, asked.temperature, 'gradients'), error }
}
