/** From a proven version of any kind to a model that scores: the one place that knows every family. */
import type { Artifact } from '../artifacts/artifact.ts'
import { decodeArtifact, type OpenModel } from '../artifacts/loadArtifact.ts'
import type { ServedModel } from '../models/textModel.ts'

export interface ModelOpener {
  readonly open: OpenModel
  /** Ends the threads that neural models share; close the models first. */
  close(): Promise<void>
}

export function modelOpener(): ModelOpener {
  return {
    open: (artifact) => openOne(artifact),
    close: async () => undefined,
  }
}

async function openOne(artifact: Artifact): Promise<ServedModel> {
  return decodeArtifact(artifact).model
}
