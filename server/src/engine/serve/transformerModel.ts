/** A transformer as a model of texts: text → tokens → logits from the pool → calibrated probabilities. */
import { softmax } from '../../math/softmax.ts'
import type { QueuedTextModel, Scored } from '../../models/textModel.ts'
import type { TransformerExplainer } from '../explain/transformerExplainer.ts'
import type { Tokenizer } from '../tokenize/tokenizer.ts'
import type { PooledModel } from './scoringPool.ts'

export interface TransformerParts {
  readonly labels: readonly string[]
  readonly tokenizer: Tokenizer
  readonly model: PooledModel
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
    async submit(text, options) {
      const encoding = tokenizer.encode(text)
      const logits = await model.score(encoding, options)
      return scoredOf(logits, temperature, encoding)
    },
    explain: (text, options, method) => explainer.explain(text, options, method),
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
