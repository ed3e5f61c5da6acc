/** A proven version of a telemetry detector, as a model that steps samples. */

import { openLstm } from '../engine/serve/lstmDetector.ts'
import type { Detector } from '../models/telemetry/detector.ts'
import { type Artifact, wholeFile } from '../versions/artifacts/artifact.ts'

export async function openDetector(artifact: Artifact): Promise<Detector> {
  const names = ['step.onnx', 'features.json'].filter((name) => name in artifact.manifest.files)
  const files = await Promise.all(names.map(async (name) => [name, await wholeFile(artifact, name)] as const))
  return openLstm(Object.fromEntries(files))
}
