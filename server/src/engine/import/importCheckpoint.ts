/**
 * A checkpoint of transformers (config.json with safetensors) as an encoder of our own: BERT, DistilBERT, RoBERTa, XLM-R
 * and CamemBERT classifiers, or bodies of those that no classifier was put on yet.
 */
import { Fault } from '../../domain/faults.ts'
import type { Trainable } from '../fit/trainable.ts'
import {
  type ClassifierConfig,
  type ClassifierOptions,
  classifierPlan,
  encoderClassifier,
  encoderServing,
} from '../nn/encoder.ts'
import type { Activation } from '../nn/encoderLayers.ts'
import { type Family, namesOf } from '../nn/families.ts'
import type { OnnxModel } from '../onnx/model.ts'
import { type FloatTensor, readSafetensors } from './safetensors.ts'

export interface Checkpoint {
  readonly config: ClassifierConfig
  /** Parameters that the checkpoint does not have: those of a head that is still to be learnt. */
  readonly missing: readonly string[]
  /** The model that serves, with inputs and output as nn/encoder.ts. Throws where the head is missing. */
  readonly serving: () => OnnxModel
  /** Starts from the checkpoint's weights; what is missing starts afresh. */
  readonly trainable: (options: CheckpointOptions) => Trainable
}

export type CheckpointOptions = Pick<ClassifierOptions, 'seed' | 'learns'> & {
  /** Of a new head, where the labels are others than the checkpoint's, were there as many; its own head if absent. */
  readonly labels?: number
}

/** By `model_type` of config.json. */
const FAMILIES: Readonly<Record<string, Family>> = {
  bert: 'bert',
  distilbert: 'distilbert',
  roberta: 'roberta',
  'xlm-roberta': 'roberta',
  camembert: 'roberta',
}

/** By the names of transformers (activations.py, ACT2FN). */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'gelu-tanh',
  gelu_pytorch_tanh: 'gelu-tanh',
  relu: 'relu',
}

/** @param files `config.json` and `model.safetensors` */
export function importCheckpoint(files: Readonly<Record<string, Uint8Array>>): Checkpoint {
  const stated = readConfig(fileOf(files, 'config.json'))
  const tensors = readSafetensors(fileOf(files, 'model.safetensors'))
  const config = configOf(stated, tensors)
  const known = (name: string, shape: readonly number[]): Float32Array | null => {
    const tensor = findTensor(tensors, name, config.family)
    if (!tensor) return null
    if (tensor.shape.join() !== shape.join())
      throw unusable(
        `its tensor “${name}” is [${tensor.shape.join(', ')}], not [${shape.join(', ')}] as its config.json says`,
      )
    return tensor.values
  }
  const plans = classifierPlan(config)
  const missing = plans.filter(({ name, shape }) => known(name, shape) === null).map(({ name }) => name)
  const { hidden, classifier } = namesOf(config.family)
  const lost = missing.find((name) => !name.startsWith(`${hidden}.`) && !name.startsWith(`${classifier}.`))
  if (lost !== undefined) throw unusable(`its weights lack “${lost}”`)
  const shapes = new Map(plans.map(({ name, shape }) => [name, shape]))
  return {
    config,
    missing,
    serving() {
      const [first] = missing
      if (first !== undefined)
        throw unusable(`it has no classifier (“${first}” is missing)`, 'fine-tune it for your labels first')
      return encoderServing(config, (name) => {
        const shape = shapes.get(name) ?? []
        return { shape, values: known(name, shape) ?? new Float32Array() }
      })
    },
    trainable: ({ labels, ...options }) => {
      const body = (name: string, shape: readonly number[]) =>
        labels !== undefined && name.startsWith(`${classifier}.`) ? null : known(name, shape)
      return encoderClassifier({ ...config, labels: labels ?? config.labels }, { ...options, known: body })
    },
  }
}

function fileOf(files: Readonly<Record<string, Uint8Array>>, name: string): Uint8Array {
  const bytes = files[name]
  if (!bytes) throw unusable(`it has no ${name}`)
  return bytes
}

/** Foreign input: every field may be anything. */
type Stated = Readonly<Record<string, unknown>>

function readConfig(bytes: Uint8Array): Stated {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw unusable('its config.json is not JSON', undefined, cause)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw unusable('its config.json is no object')
  return value as Stated // JSON's objects have strings as keys
}

function configOf(stated: Stated, tensors: ReadonlyMap<string, FloatTensor>): ClassifierConfig {
  const type = stated['model_type']
  const family = typeof type === 'string' && Object.hasOwn(FAMILIES, type) ? FAMILIES[type] : undefined
  if (family === undefined)
    throw unusable(
      `a checkpoint of the family ${JSON.stringify(type)} is not known here`,
      `take its ONNX export, or one of ${Object.keys(FAMILIES).join(', ')}`,
    )
  const positionKind = stated['position_embedding_type'] ?? 'absolute'
  if (positionKind !== 'absolute')
    throw unusable(`its positions are ${JSON.stringify(positionKind)}, not absolute`, 'take its ONNX export')
  const count = labelCount(stated, findTensor(tensors, `${namesOf(family).classifier}.weight`, family))
  return family === 'distilbert' ? distilbertConfig(stated, count) : bertConfig(stated, family, count)
}

/** As the head has them, where there is one. */
function labelCount({ id2label, num_labels: stated }: Stated, head: FloatTensor | undefined): number {
  if (head) return head.shape[0] ?? 0
  if (typeof id2label === 'object' && id2label !== null) return Object.keys(id2label).length
  return typeof stated === 'number' ? stated : 2
}

/** transformers, configuration_bert.py, configuration_roberta.py: names and values where nothing is said. */
function bertConfig(stated: Stated, family: Family, labels: number): ClassifierConfig {
  const padId = countOf(stated, 'pad_token_id', family === 'roberta' ? 1 : 0, 0)
  const hiddenDropout = rateOf(stated, 'hidden_dropout_prob', 0.1)
  const headDropout = rateOf(stated, 'classifier_dropout', hiddenDropout)
  return checked({
    family,
    vocabulary: countOf(stated, 'vocab_size', 30_522),
    width: countOf(stated, 'hidden_size', 768),
    layers: countOf(stated, 'num_hidden_layers', 12),
    heads: countOf(stated, 'num_attention_heads', 12),
    inner: countOf(stated, 'intermediate_size', 3072),
    positions: countOf(stated, 'max_position_embeddings', 512),
    // RoBERTa counts positions from the one after the padding's (modeling_roberta.py, create_position_ids_from_input_ids).
    firstPosition: family === 'roberta' ? padId + 1 : 0,
    typeVocabulary: countOf(stated, 'type_vocab_size', 2, 0),
    norm: 'post',
    epsilon: rateOf(stated, 'layer_norm_eps', 1e-12),
    activation: activationOf(stated['hidden_act'] ?? 'gelu'),
    dropout: {
      embeddings: hiddenDropout,
      attention: rateOf(stated, 'attention_probs_dropout_prob', 0.1),
      attentionOutput: hiddenDropout,
      inner: 0,
      output: hiddenDropout,
      pooled: family === 'roberta' ? headDropout : 0,
      head: headDropout,
    },
    labels,
    pooling: 'cls',
    head: 'tanh',
  })
}

/** transformers, configuration_distilbert.py; its attention drops nothing after its output layer. */
function distilbertConfig(stated: Stated, labels: number): ClassifierConfig {
  const dropout = rateOf(stated, 'dropout', 0.1)
  return checked({
    family: 'distilbert',
    vocabulary: countOf(stated, 'vocab_size', 30_522),
    width: countOf(stated, 'dim', 768),
    layers: countOf(stated, 'n_layers', 6),
    heads: countOf(stated, 'n_heads', 12),
    inner: countOf(stated, 'hidden_dim', 3072),
    positions: countOf(stated, 'max_position_embeddings', 512),
    firstPosition: 0,
    typeVocabulary: 0,
    norm: 'post',
    epsilon: 1e-12,
    activation: activationOf(stated['activation'] ?? 'gelu'),
    dropout: {
      embeddings: dropout,
      attention: rateOf(stated, 'attention_dropout', 0.1),
      attentionOutput: 0,
      inner: 0,
      output: dropout,
      pooled: 0,
      head: rateOf(stated, 'seq_classif_dropout', 0.2),
    },
    labels,
    pooling: 'cls',
    head: 'relu',
  })
}

/** Far above every encoder that a CPU can run; no field of a file makes this ask for all memory. */
const COUNT_MAX = 2_000_000

function countOf(stated: Stated, name: string, absent: number, least = 1): number {
  const value = stated[name] ?? absent
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > COUNT_MAX)
    throw unusable(`the ${name} of its config.json is ${JSON.stringify(value)}`)
  return value
}

function rateOf(stated: Stated, name: string, absent: number): number {
  const value = stated[name] ?? absent
  if (typeof value !== 'number' || !(value >= 0 && value < 1))
    throw unusable(`the ${name} of its config.json is ${JSON.stringify(value)}`)
  return value
}

function activationOf(name: unknown): Activation {
  const known = typeof name === 'string' && Object.hasOwn(ACTIVATIONS, name) ? ACTIVATIONS[name] : undefined
  if (known === undefined)
    throw unusable(`its activation ${JSON.stringify(name)} is not known here`, 'take its ONNX export')
  return known
}

function checked(config: ClassifierConfig): ClassifierConfig {
  if (config.width % config.heads !== 0)
    throw unusable(`its width ${config.width} is not a multiple of its ${config.heads} heads`)
  if (config.layers > 100) throw unusable(`it has ${config.layers} layers`)
  return config
}

/** By its name; as files name it that were saved without the model's own prefix, or before norms had weights and biases. */
function findTensor(tensors: ReadonlyMap<string, FloatTensor>, name: string, family: Family): FloatTensor | undefined {
  const bare = name.startsWith(`${family}.`) ? name.slice(family.length + 1) : name
  const spellings = [name, bare].flatMap((spelled) => [
    spelled,
    spelled.replace(/LayerNorm\.weight$/, 'LayerNorm.gamma').replace(/LayerNorm\.bias$/, 'LayerNorm.beta'),
  ])
  return spellings.map((spelled) => tensors.get(spelled)).find((tensor) => tensor !== undefined)
}

function unusable(why: string, remedy?: string, cause?: unknown): Fault {
  return new Fault('model_unsupported', {
    say: `The checkpoint cannot be used: ${why}${remedy === undefined ? '' : `; ${remedy}`}.`,
    ...(cause === undefined ? {} : { cause }),
  })
}
