/**
 * Two models in a row: the linear one answers what it is sure of, the transformer the rest.
 *
 * A linear model takes microseconds where an encoder takes milliseconds, and most texts are easy. From which confidence
 * on the linear model may answer was chosen on held-out rows (chooseThreshold.ts) and is a part of the version.
 */
import type { Explanation, QueuedTextModel, Scored, TextModel } from '../../textModel.ts'

/** Prefixes of the files of its parts. */
export const LINEAR_PREFIX = 'linear-'
export const TRANSFORMER_PREFIX = 'transformer-'
export const CASCADE_FILE = 'cascade.json'

/** The content of cascade.json. */
export interface CascadeForm {
  readonly format: 1
  /** Null: the linear model never answers. */
  readonly threshold: number | null
}

/** Texts that each part has answered since the model was opened. */
export interface CascadeShares {
  readonly linear: number
  readonly transformer: number
}

export interface CascadeModel extends QueuedTextModel {
  readonly shares: CascadeShares
}

/**
 * @param linear      may have its labels in another order
 * @param transformer its labels are the cascade's
 */
export function cascadeModel(
  linear: TextModel,
  transformer: QueuedTextModel,
  { threshold }: CascadeForm,
): CascadeModel {
  const { labels } = transformer
  const order = labels.map((label) => linear.labels.indexOf(label))
  if (order.includes(-1) || linear.labels.length !== labels.length)
    throw new TypeError(`the parts of a cascade have other labels: ${linear.labels.join()} and ${labels.join()}`)
  const from = threshold ?? Infinity
  const shares = { linear: 0, transformer: 0 }
  const isSure = ({ label, probabilities }: Scored) => probabilities[label] >= from
  return {
    labels,
    shares,
    async submit(text, options) {
      const quick = linear.score(text)
      if (!isSure(quick)) {
        const answer = await transformer.submit(text, options)
        shares.transformer++
        return answer
      }
      shares.linear++
      const probabilities = Float64Array.from(order, (k) => quick.probabilities[k])
      return { ...quick, label: order.indexOf(quick.label), probabilities }
    },
    async explain(text, options, method) {
      return isSure(linear.score(text))
        ? reordered(linear.explain(text), order)
        : transformer.explain(text, options, method)
    },
    close: () => transformer.close(),
  }
}

/** The same explanation with the labels in another order. */
function reordered({ logits, bias, spans, features }: Explanation, order: readonly number[]): Explanation {
  const pick = (values: readonly number[]) => order.map((k) => values[k])
  return {
    logits: pick(logits),
    bias: pick(bias),
    spans: spans.map((span) => ({ ...span, contributions: pick(span.contributions) })),
    features: features.map((feature) => ({ ...feature, contributions: pick(feature.contributions) })),
  }
}

/** @throws TypeError of bytes that are no cascade.json */
export function readCascade(json: string): CascadeForm {
  const value: unknown = JSON.parse(json)
  if (typeof value !== 'object' || value === null || !('threshold' in value) || !('format' in value))
    throw new TypeError(`${CASCADE_FILE} does not have the form of one`)
  const { format, threshold } = value
  const isThreshold = threshold === null || (typeof threshold === 'number' && threshold >= 0 && threshold <= 1)
  if (format !== 1 || !isThreshold) throw new TypeError(`${CASCADE_FILE} does not have the form of one`)
  return { format, threshold }
}
