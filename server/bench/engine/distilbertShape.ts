/**
 * A classifier of DistilBERT's shape (66 M parameters) with random weights, as fp32 and as int8: speed does not ask what a
 * model has learnt.
 *
 *   node server/bench/engine/distilbertShape.ts FOLDER [fp32]      writes model.onnx there and, unless fp32 is enough,
 *                                                                  model-int8.onnx
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ClassifierConfig, encoderClassifier, encoderServing } from '../../src/engine/nn/encoder.ts'
import { dropoutOf } from '../../src/engine/nn/encoderLayers.ts'
import { weightsOf } from '../../src/engine/nn/serving.ts'
import { encodeModel } from '../../src/engine/onnx/encode.ts'
import type { OnnxModel } from '../../src/engine/onnx/model.ts'
import { quantizeModel } from '../../src/engine/quantize/quantizeModel.ts'

/** distilbert-base-uncased, with two labels. */
export const distilbertShape: ClassifierConfig = {
  family: 'distilbert',
  vocabulary: 30_522,
  width: 768,
  layers: 6,
  heads: 12,
  inner: 3072,
  positions: 512,
  firstPosition: 0,
  typeVocabulary: 0,
  norm: 'post',
  epsilon: 1e-12,
  activation: 'gelu',
  dropout: dropoutOf(0.1),
  labels: 2,
  pooling: 'cls',
  head: 'relu',
}

export function distilbertModel(): OnnxModel {
  return serving('plain')
}

/** As `barometer quantize` makes it of one that it recognises. */
export function distilbertInt8(): OnnxModel {
  return quantizeModel(serving('packed'))
}

function serving(layout: 'plain' | 'packed'): OnnxModel {
  const { parameters } = encoderClassifier(distilbertShape, { seed: 1 })
  return encoderServing(distilbertShape, weightsOf(parameters), layout)
}

if (import.meta.main) {
  const [folder = '.', precision] = process.argv.slice(2)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'model.onnx'), encodeModel(distilbertModel()))
  if (precision !== 'fp32') await writeFile(join(folder, 'model-int8.onnx'), encodeModel(distilbertInt8()))
}
