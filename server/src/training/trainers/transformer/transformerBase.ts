/** What a transformer is trained from, in one form: a body of our own from scratch, or a version with its weights. */

import { Fault } from '../../../domain/faults.ts'
import type { Trainable } from '../../../engine/fit/trainable.ts'
import { importExport } from '../../../engine/import/importExport.ts'
import {
  type ClassifierConfig,
  type Distillation,
  encoderClassifier,
  encoderServing,
} from '../../../engine/nn/encoder.ts'
import { dropoutOf } from '../../../engine/nn/encoderLayers.ts'
import type { Known } from '../../../engine/nn/initialise.ts'
import { weightsOf } from '../../../engine/nn/serving.ts'
import { encodeModel } from '../../../engine/onnx/encode.ts'
import { readTransformerForm } from '../../../engine/serve/transformerForm.ts'
import type { TransformerRecipe, TransformerShape } from '../../../models/text/transformer/recipe.ts'
import { type Artifact, wholeFile } from '../../../versions/artifacts/artifact.ts'

export type Weights = ReadonlyMap<string, Float32Array>

export interface TransformerBase {
  /** Whose weights it starts from; null for none. */
  readonly name: string | null
  readonly family: string
  /** The labels that its head is for. */
  readonly labels: readonly string[]
  readonly maxLength: number
  readonly inputs: readonly string[]
  /** tokenizer.json */
  readonly tokenizer: Uint8Array
  readonly trainable: Trainable
  /** model.onnx with these weights. */
  readonly withWeights: (weights: Weights) => Uint8Array
}

/** A version to fine-tune. Throws model_unsupported where it cannot be. */
export async function openBase(artifact: Artifact): Promise<TransformerBase> {
  const { manifest } = artifact
  const name = `${manifest.model} (${artifact.digest.slice(0, 12)})`
  if (manifest.kind !== 'transformer')
    throw new Fault('model_unsupported', {
      say: `Only a transformer can be fine-tuned; ${name} is of kind ${manifest.kind}.`,
    })
  const form = readTransformerForm(await wholeFile(artifact, 'transformer.json'))
  if (form.precision !== 'fp32')
    throw new Fault('model_unsupported', {
      say: `${name} is quantised (${form.precision}) and cannot be fine-tuned; start from the version that it was made of.`,
    })
  const imported = await importExport(artifact.paths['model.onnx'] ?? (await wholeFile(artifact, 'model.onnx')))
  return {
    name,
    family: form.family,
    labels: manifest.labels,
    maxLength: form.maxLength,
    inputs: form.inputs,
    tokenizer: await wholeFile(artifact, 'tokenizer.json'),
    trainable: imported.trainable,
    withWeights: (weights) => imported.withWeights((name) => valuesOf(weights, name)),
  }
}

export interface FromScratch {
  readonly recipe: TransformerRecipe & { readonly shape: TransformerShape }
  readonly labels: readonly string[]
  readonly tokenizer: Uint8Array
  readonly vocabulary: number
  readonly seed: number
  /** Pre-trained weights. */
  readonly known?: Known
  /** Distilled from a teacher beside the labels. */
  readonly distillation?: Distillation
}

export function fromScratch({
  recipe,
  labels,
  tokenizer,
  vocabulary,
  seed,
  known,
  distillation,
}: FromScratch): TransformerBase {
  const config = classifierConfig(recipe, vocabulary, labels.length)
  const trainable = encoderClassifier(config, {
    seed,
    ...(known ? { known } : {}),
    ...(distillation ? { distillation } : {}),
  })
  return {
    name: null,
    family: config.family,
    labels,
    maxLength: recipe.maxLength,
    inputs: ['input_ids', 'attention_mask'],
    tokenizer,
    trainable,
    withWeights: (weights) =>
      encodeModel(
        encoderServing(
          config,
          weightsOf(trainable.parameters, (name) => valuesOf(weights, name)),
        ),
      ),
  }
}

export function classifierConfig(
  { shape, maxLength }: FromScratch['recipe'],
  vocabulary: number,
  labels: number,
): ClassifierConfig {
  return {
    family: 'bert',
    vocabulary,
    width: shape.width,
    layers: shape.layers,
    heads: shape.heads,
    inner: shape.inner,
    positions: maxLength,
    firstPosition: 0,
    typeVocabulary: 0,
    norm: shape.norm,
    epsilon: 1e-5,
    activation: 'gelu',
    dropout: { ...dropoutOf(shape.dropout), attention: shape.attentionDropout, pooled: shape.dropout },
    labels,
    pooling: shape.pooling,
    head: 'linear',
  }
}

function valuesOf(weights: Weights, name: string): Float32Array {
  const values = weights.get(name)
  if (values === undefined) throw new TypeError(`no weights are called ${name}`)
  return values
}
