/** A transformer as a model of texts: text → tokens → logits from the crew → calibrated probabilities. */
import { softmax } from '../../math/softmax.ts'
import type { QueuedTextModel, Scored } from '../../models/textModel.ts'
import type { TransformerExplainer } from '../explain/transformerExplainer.ts'
import type { Tokenizer } from '../tokenize/tokenizer.ts'
import type { CrewModel } from './crew.ts'

export interface TransformerParts {
  readonly labels: readonly string[]
  readonly tokenizer: Tokenizer
  readonly model: CrewModel
  /** Divides the logits. */
  readonly temperature: number
  readonly explainer: TransformerExplainer
}

export function transformerModel({
  labels,
  tokenizer,
  model,
  temperature,
  explainer,
}: TransformerParts): QueuedTextModel {
  return {
    labels,
    async submit(text, patience) {
      const encoding = tokenizer.encode(text)
      const logits = await model.score(encoding, patience)
      return scoredOf(logits, temperature, encoding)
    },
    explain: (text, patience, method) => explainer.explain(text, patience, method),
    async close() {
      await explainer.close()
      await model.close()
    },
  }
}

function scoredOf(
  logits: Float32Array,
  temperature: number,
  { tokens, unknown }: { readonly tokens: number; readonly unknown: number },
): Scored {
  const probabilities = softmax(Float64Array.from(logits, (z) => z / temperature))
  let label = 0
  for (let k = 1; k < probabilities.length; k++) if (probabilities[k] > probabilities[label]) label = k
  return { label, probabilities, tokens, unknown }
}
