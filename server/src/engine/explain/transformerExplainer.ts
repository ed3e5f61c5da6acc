/** Why a transformer that serves says what it says: by its gradients where it has any, else by leaving words out. */
import { Fault } from '../../domain/faults.ts'
import type { ExplainMethod, Explanation, ScoreOptions } from '../../models/textModel.ts'
import type { ModelSource } from '../serve/messages.ts'
import type { PooledModel } from '../serve/scoringPool.ts'
import type { TransformerForm } from '../serve/transformerForm.ts'
import type { Encoding } from '../tokenize/encoding.ts'
import type { Tokenizer } from '../tokenize/tokenizer.ts'
import { explainByGradients } from './explainByGradients.ts'
import { explainByOcclusion } from './explainByOcclusion.ts'
import { gradientsInThread } from './gradientsInThread.ts'

export interface TransformerExplainer {
  explain(text: string, options: ScoreOptions, method?: ExplainMethod): Promise<Explanation>
  close(): Promise<void>
}

export interface ExplainerParts {
  readonly labels: readonly string[]
  readonly tokenizer: Tokenizer
  /** Scores the texts of occlusion, in batches with all other texts. */
  readonly model: Pick<PooledModel, 'score'>
  /** Of the weights, for gradients. */
  readonly source: ModelSource
  readonly form: TransformerForm
  readonly temperature: number
  /** That share each operator of the gradients; 1 by default. */
  readonly threads?: number
}

/** The least time for an explanation: gradients take a hundred runs, whatever deadline suits a score. */
const EXPLAIN_MS = 60_000

export function transformerExplainer(parts: ExplainerParts): TransformerExplainer {
  const { labels, tokenizer, model, source, form, temperature, threads = 1 } = parts
  const gradients = gradientsInThread({ source, maxLength: form.maxLength, padId: form.padId, threads })
  const baselineId = tokenizer.maskId ?? tokenizer.unknownId ?? form.padId
  let hasGradients = form.precision === 'fp32'

  async function byGradients(text: string, encoding: Encoding, options: ScoreOptions): Promise<Explanation> {
    const explainer = {
      labels: labels.length,
      attribute: (ids: Int32Array, baseline: Int32Array) => gradients.attribute(ids, baseline, options),
    }
    return (await explainByGradients(text, encoding, explainer, { baselineId, temperature })).explanation
  }

  function byOcclusion(text: string, encoding: Encoding, options: ScoreOptions): Promise<Explanation> {
    const { typeIds } = encoding
    // Texts that came alone pass: an explanation waits for them, never they for it.
    const bulk = { ...options, bulk: true }
    return explainByOcclusion(
      text,
      encoding,
      (sequences) => Promise.all(sequences.map((ids) => model.score({ ids, typeIds }, bulk))),
      { baselineId, temperature },
    )
  }

  return {
    async explain(text, { deadlineMs, ...options }, method) {
      const longer = { ...options, deadlineMs: Math.max(deadlineMs, EXPLAIN_MS) }
      const encoding = tokenizer.encode(text)
      if (method === 'occlusion') return byOcclusion(text, encoding, longer)
      if (!hasGradients && method === 'gradients')
        throw new Fault('explain_unsupported', {
          say: `The model is of ${form.precision} and has no gradients. Ask for the method occlusion.`,
        })
      if (!hasGradients) return byOcclusion(text, encoding, longer)
      try {
        return await byGradients(text, encoding, longer)
      } catch (error) {
        const isUnsupported = error instanceof Fault && error.code === 'explain_unsupported'
        if (!isUnsupported || method === 'gradients') throw error
        hasGradients = false
        return byOcclusion(text, encoding, longer)
      }
    },
    close: () => gradients.close(),
  }
}
