/** A checkpoint of the Hub as what a transformer is trained from: with its head where the labels are its own, else a new one. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { importCheckpoint } from '../../../engine/import/importCheckpoint.ts'
import { maxLengthOf, readModelConfig } from '../../../engine/import/modelConfig.ts'
import { type TokenizerFiles, tokenizerFrom } from '../../../engine/import/tokenizerFrom.ts'
import { encoderServing } from '../../../engine/nn/encoder.ts'
import { weightsOf } from '../../../engine/nn/serving.ts'
import { encodeModel } from '../../../engine/onnx/encode.ts'
import type { LabelledText } from '../../../evaluation/measure.ts'
import { isThere } from '../../../platform/isThere.ts'
import { labelsOf } from '../trainVersion.ts'
import type { TransformerBase } from './transformerBase.ts'

/** Whether a folder holds a checkpoint rather than a version of ours. */
export async function isCheckpoint(folder: string): Promise<boolean> {
  return !(await isThere(join(folder, 'manifest.json'))) && (await isThere(join(folder, 'model.safetensors')))
}

/**
 * @param name where it is from, for the manifest
 * @param rows say which labels are to be learned
 */
export async function openCheckpoint(
  folder: string,
  name: string,
  rows: readonly LabelledText[],
  seed: number,
): Promise<TransformerBase> {
  const read = (name: string) => readFile(join(folder, name))
  const config = await read('config.json')
  const checkpoint = importCheckpoint({ 'config.json': config, 'model.safetensors': await read('model.safetensors') })
  const settings = (await isThere(join(folder, 'tokenizer_config.json'))) ? await read('tokenizer_config.json') : null
  const stated = readModelConfig(config)
  const own = stated.labels.map((label) => label.toLowerCase())
  const isOwn = checkpoint.missing.length === 0 && rows.every(({ label }) => own.includes(label))
  const labels = isOwn ? own : labelsOf(rows, { labels: null })
  const shape = { ...checkpoint.config, labels: labels.length }
  const trainable = checkpoint.trainable(isOwn ? { seed } : { seed, labels: labels.length })
  return {
    name,
    family: stated.family,
    labels,
    maxLength: maxLengthOf(stated, settings),
    inputs: ['input_ids', 'attention_mask'],
    tokenizer: await tokenizerFrom(await tokenizerFiles(folder), settings, read),
    trainable,
    withWeights: (weights) =>
      encodeModel(
        encoderServing(
          shape,
          weightsOf(trainable.parameters, (name) => weights.get(name) ?? new Float32Array()),
        ),
      ),
  }
}

async function tokenizerFiles(folder: string): Promise<TokenizerFiles> {
  if (await isThere(join(folder, 'tokenizer.json'))) return { kind: 'json', path: 'tokenizer.json' }
  if (await isThere(join(folder, 'vocab.txt'))) return { kind: 'word-pieces', vocabulary: 'vocab.txt' }
  return { kind: 'byte-pairs', vocabulary: 'vocab.json', merges: 'merges.txt' }
}
