/** config.json and tokenizer_config.json of a model of others: read as foreign input. */
import { Fault } from '../../domain/faults.ts'

export interface ModelConfig {
  /** `model_type`: bert, distilbert, roberta, xlm-roberta … */
  readonly family: string
  /** [labels] as the model calls them. */
  readonly labels: readonly string[]
  /** Tokens that it has positions for; null where it says nothing. */
  readonly positions: number | null
  readonly padId: number | null
}

const LABELS_MAX = 1000
/** Where no file says how long a text may be: what BERT and nearly all of its kin take. */
const USUAL_LENGTH = 512
/** Longer texts would take seconds each on a CPU. */
const LENGTH_MAX = 8192
/** RoBERTa's kin count positions from padId + 1 on, so that their tables have as many rows more than texts have tokens. */
const POSITIONS_AFTER_PADDING = new Set([
  'roberta',
  'xlm-roberta',
  'xlm-roberta-xl',
  'camembert',
  'mpnet',
  'longformer',
  'roberta-prelayernorm',
])

export function readModelConfig(bytes: Uint8Array): ModelConfig {
  const config = readObject(bytes, 'config.json')
  const { model_type: family, problem_type: problem, num_labels: count, id2label } = config
  if (typeof family !== 'string' || !/^[a-z0-9_-]{1,60}$/i.test(family))
    throw unusable('its config.json says no model_type')
  if (problem === 'multi_label_classification')
    throw unusable('it gives a text any number of labels at once; a task here has exactly one a text')
  if (problem === 'regression') throw unusable('it gives a number, not a label')
  const labels = labelsOf(id2label, count)
  if (labels.length < 2) throw unusable('it has one output, so it gives a number, not a label')
  const padId = wholeNumber(config['pad_token_id'])
  const table = wholeNumber(config['max_position_embeddings'])
  const positions = table !== null && POSITIONS_AFTER_PADDING.has(family) ? table - (padId ?? 1) - 1 : table
  return { family, labels, positions, padId }
}

/** @param settings of tokenizer_config.json, null where there is none; some say 10³⁰ for “I do not know”. */
export function maxLengthOf({ positions }: ModelConfig, settings: Uint8Array | null): number {
  const stated =
    settings === null ? null : wholeNumber(readObject(settings, 'tokenizer_config.json')['model_max_length'])
  const known = [positions ?? 0, stated ?? 0].filter((length) => length > 0)
  return Math.min(known.length === 0 ? USUAL_LENGTH : Math.min(...known), LENGTH_MAX)
}

/** The licence that a model's card states in its head (YAML between two lines of `---`); null where it states none. */
export function licenceOf(card: string): string | null {
  const head = /^---\r?\n(.*?)\r?\n---/s.exec(card)?.[1] ?? ''
  const licence = /^license:\s*["']?([\w.+-]{1,60})["']?\s*$/m.exec(head)?.[1] ?? null
  if (licence !== 'other') return licence
  return /^license_name:\s*["']?([\w.+ -]{1,100})["']?\s*$/m.exec(head)?.[1] ?? licence
}

export function readObject(bytes: Uint8Array, name: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw unusable(`its ${name} is not JSON`, cause)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unusable(`its ${name} is no object`)
  return value as Readonly<Record<string, unknown>> // JSON's objects have strings as keys
}

/** id2label, or as many LABEL_n as transformers would make up (2 where nothing is said). */
function labelsOf(id2label: unknown, count: unknown): readonly string[] {
  if (typeof id2label === 'object' && id2label !== null) {
    const names = Object.entries(id2label).sort(([a], [b]) => Number(a) - Number(b))
    if (names.length > LABELS_MAX) throw unusable(`it has more than ${LABELS_MAX} labels`)
    if (names.some(([id, name], i) => Number(id) !== i || typeof name !== 'string'))
      throw unusable('the id2label of its config.json is not a list of names from 0 on')
    return names.map(([, name]) => name)
  }
  const labels = wholeNumber(count) ?? 2
  if (labels > LABELS_MAX) throw unusable(`it has more than ${LABELS_MAX} labels`)
  return Array.from({ length: labels }, (_, i) => `LABEL_${i}`)
}

function wholeNumber(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null
}

function unusable(why: string, cause?: unknown): Fault {
  return new Fault('model_unsupported', { say: `The model cannot be used: ${why}.`, cause })
}
