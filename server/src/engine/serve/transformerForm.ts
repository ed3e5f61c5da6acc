/** transformer.json: what serving must know of a transformer beside its weights and its tokenizer. */
import { Fault } from '../../domain/faults.ts'

export interface TransformerForm {
  /** For people: bert, distilbert, roberta … */
  readonly family: string
  /** Tokens that it takes at most, the special ones among them. */
  readonly maxLength: number
  readonly padId: number
  /** Of input_ids, attention_mask, token_type_ids: those that it has. */
  readonly inputs: readonly string[]
  readonly precision: string
  /** What is kept of a text that is too long. */
  readonly keep: 'head' | 'head-and-tail'
}

const INPUTS: ReadonlySet<unknown> = new Set(['input_ids', 'attention_mask', 'token_type_ids'])

export function readTransformerForm(bytes: Uint8Array): TransformerForm {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw unusable('is not JSON in UTF-8', cause)
  }
  if (typeof value !== 'object' || value === null) throw unusable('is no object')
  const { family, maxLength, padId, inputs, precision, keep = 'head' }: Partial<Record<string, unknown>> = { ...value }
  if (typeof maxLength !== 'number' || !Number.isInteger(maxLength) || maxLength < 3) throw unusable('has no maxLength')
  if (typeof padId !== 'number' || !Number.isInteger(padId) || padId < 0) throw unusable('has no padId')
  if (!Array.isArray(inputs) || !inputs.includes('input_ids') || !inputs.every((name) => INPUTS.has(name)))
    throw unusable('names inputs that are not known')
  if (keep !== 'head' && keep !== 'head-and-tail') throw unusable('says keep, and not what')
  return {
    family: typeof family === 'string' ? family : 'unknown',
    maxLength,
    padId,
    inputs: inputs.map(String),
    precision: typeof precision === 'string' ? precision : 'unknown',
    keep,
  }
}

function unusable(why: string, cause?: unknown): Fault {
  return new Fault('model_unsupported', {
    say: `transformer.json ${why}.`,
    ...(cause === undefined ? {} : { cause }),
  })
}
