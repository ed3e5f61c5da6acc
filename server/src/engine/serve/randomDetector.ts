/** A detector with random weights, for tests: whatever it says, it must say the same of the same. */
import { normal } from '../../math/normal.ts'
import { seededRandom } from '../../math/random.ts'
import { type DetectorForm, writeDetectorForm } from '../../models/telemetry/detectorForm.ts'
import { featureNames, featurePlan, featuresOf } from '../../models/telemetry/features.ts'
import type { History } from '../../models/telemetry/history.ts'
import { fitScaler } from '../../models/telemetry/scaler.ts'
import { encodeModel } from '../onnx/encode.ts'
import { type LstmWeights, lstmStepModel, lstmWindowModel } from './lstmModel.ts'

export interface RandomDetector {
  readonly form: DetectorForm
  /** model.onnx, step.onnx and features.json */
  readonly files: Readonly<Record<string, Uint8Array>>
}

const HEAD = 8

/** @param histories that its scaler is fitted on */
export function randomDetector(histories: readonly History[], hidden = 16): RandomDetector {
  const names = featureNames(featurePlan)
  const form: DetectorForm = {
    format: 1,
    plan: featurePlan,
    scaler: fitScaler(
      names,
      histories.map((history) => featuresOf(history, featurePlan)),
    ),
    hidden,
    length: 20,
    intervalSeconds: 30,
    gapSeconds: 300,
    threshold: 0.5,
  }
  const weights = someWeights(names.length, hidden)
  const files = {
    'model.onnx': encodeModel(lstmWindowModel(weights)),
    'step.onnx': encodeModel(lstmStepModel(weights)),
    'features.json': new TextEncoder().encode(writeDetectorForm(form)),
  }
  return { form, files }
}

/** Of a size at which the gates are neither near 0 nor saturated. */
function someWeights(features: number, hidden: number): LstmWeights {
  const random = seededRandom(11)
  const drawn = (size: number, scale: number) => Float32Array.from({ length: size }, () => scale * normal(random))
  const layer = (inputs: number) => ({
    input: drawn(4 * hidden * inputs, 0.6 / Math.sqrt(inputs)),
    recurrent: drawn(4 * hidden * hidden, 0.6 / Math.sqrt(hidden)),
    bias: drawn(4 * hidden, 0.3),
  })
  const head = {
    width: HEAD,
    weight: drawn(HEAD * hidden, 0.5),
    bias: drawn(HEAD, 0.2),
    outWeight: drawn(HEAD, 1),
    outBias: drawn(1, 1),
  }
  return { features, hidden, layers: [layer(features), layer(hidden)], head }
}
