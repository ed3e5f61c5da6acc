/** A proven version with a transformer in it, as a model that scores. */

import { transformerExplainer } from '../engine/explain/transformerExplainer.ts'
import type { ModelSource } from '../engine/serve/messages.ts'
import type { ScoringPool } from '../engine/serve/scoringPool.ts'
import { readTransformerForm } from '../engine/serve/transformerForm.ts'
import { transformerModel } from '../engine/serve/transformerModel.ts'
import { readTokenizer } from '../engine/tokenize/tokenizer.ts'
import {
  CASCADE_FILE,
  cascadeModel,
  LINEAR_PREFIX,
  readCascade,
  TRANSFORMER_PREFIX,
} from '../models/text/cascade/cascadeModel.ts'
import { decodeLinear, MODEL_FILE } from '../models/text/linearCodec.ts'
import type { QueuedTextModel } from '../models/textModel.ts'
import { type Artifact, wholeFile } from '../versions/artifacts/artifact.ts'
import { broken } from '../versions/artifacts/manifest.ts'

export async function openCascade(artifact: Artifact, pool: ScoringPool): Promise<QueuedTextModel> {
  const form = readCascade(new TextDecoder().decode(await wholeFile(artifact, CASCADE_FILE)))
  const linear = decodeLinear({ [MODEL_FILE]: await wholeFile(artifact, `${LINEAR_PREFIX}${MODEL_FILE}`) })
  return cascadeModel(linear, await openTransformer(artifact, pool, TRANSFORMER_PREFIX), form)
}

/** @param prefix of the names of its files, where it is a part of another model */
export async function openTransformer(artifact: Artifact, pool: ScoringPool, prefix = ''): Promise<QueuedTextModel> {
  const { labels, calibration } = artifact.manifest
  const form = readTransformerForm(await wholeFile(artifact, `${prefix}transformer.json`))
  const { maxLength, keep } = form
  const tokenizer = readTokenizer(await wholeFile(artifact, `${prefix}tokenizer.json`), { maxLength, keep })
  const source = sourceOf(artifact, `${prefix}model.onnx`)
  const model = await pool.open(source, {
    inputs: form.inputs,
    labels: labels.length,
    padId: form.padId,
  })
  const { temperature } = calibration
  const explainer = transformerExplainer({ labels, tokenizer, model, source, form, temperature })
  return transformerModel({ labels, tokenizer, model, temperature, explainer })
}

function sourceOf({ files, paths, manifest }: Artifact, name: string): ModelSource {
  const path = paths[name]
  if (path !== undefined) return { path, sha256: manifest.files[name].sha256 }
  const bytes = files[name]
  if (bytes === undefined) throw broken(name, 'is missing')
  return { bytes }
}
