/**
 * A telemetry detector among the models that versions become: it can be registered, promoted and rolled back like any
 * other, and whoever asks it for the label of a text is told that it has none to give.
 */

import { Fault } from '../domain/faults.ts'
import { type LstmDetector, openLstm } from '../engine/serve/lstmDetector.ts'
import type { QueuedTextModel } from '../models/textModel.ts'
import { type Artifact, wholeFile } from '../versions/artifacts/artifact.ts'

export interface DetectorModel extends QueuedTextModel {
  /** What samples are stepped through. */
  readonly detector: LstmDetector
}

export async function openDetector(artifact: Artifact): Promise<DetectorModel> {
  const names = ['step.onnx', 'features.json'].filter((name) => name in artifact.manifest.files)
  const files = await Promise.all(names.map(async (name) => [name, await wholeFile(artifact, name)] as const))
  const detector = await openLstm(Object.fromEntries(files))
  const { task, labels } = artifact.manifest
  const refuse = () =>
    Promise.reject(
      new Fault('bad_request', { say: `The task “${task}” is about samples of telemetry, not about texts.` }),
    )
  return { labels, detector, submit: refuse, explain: refuse, close: () => detector.close() }
}
