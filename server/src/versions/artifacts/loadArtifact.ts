/** From proven bytes to a model that scores. */
import { Fault } from '../../domain/faults.ts'
import type { Manifest, ModelKind } from '../../domain/version.ts'
import type { ServedModel } from '../../models/servedModel.ts'
import type { TextModel } from '../../models/textModel.ts'
import type { Artifact } from './artifact.ts'
import { decoders } from './decoders.ts'
import { broken, MANIFEST_NAME } from './manifest.ts'

export interface Loaded {
  readonly manifest: Manifest
  readonly digest: string
  readonly model: TextModel
}

/** How a family makes its model from the artifact's files. It throws on bytes that are not its own. */
export type Decoder = (artifact: Artifact) => TextModel

/** Makes the model of a proven artifact of any kind. Who opens it closes it. */
export type OpenModel = (artifact: Artifact) => Promise<ServedModel>

/** Makes the model of a proven artifact of a family that scores at once. */
export function decodeArtifact(
  artifact: Artifact,
  families: Readonly<Partial<Record<ModelKind, Decoder>>> = decoders,
): Loaded {
  const { manifest, digest } = artifact
  const decode = families[manifest.kind]
  if (decode === undefined) throw broken(MANIFEST_NAME, `says ${manifest.kind}, which does not score at once`)
  let model: TextModel
  try {
    model = decode(artifact)
  } catch (cause) {
    throw unreadable(artifact, cause)
  }
  requireLabels(artifact, model)
  return { manifest, digest, model }
}

/** Opens a model and holds it to its manifest; whatever is wrong with it becomes artifact_broken. */
export async function openArtifact(artifact: Artifact, open: OpenModel): Promise<ServedModel> {
  let model: ServedModel
  try {
    model = await open(artifact)
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw unreadable(artifact, cause)
  }
  try {
    requireLabels(artifact, model)
  } catch (error) {
    await model.close()
    throw error
  }
  return model
}

function requireLabels({ manifest }: Artifact, model: Pick<ServedModel, 'labels'>): void {
  if (model.labels.join('\n') !== manifest.labels.join('\n'))
    throw broken(MANIFEST_NAME, 'names other labels than the model has')
}

function unreadable({ manifest }: Artifact, cause: unknown): Fault {
  const why = cause instanceof Error ? cause.message : String(cause)
  return broken(`the ${manifest.kind} model`, `could not be read: ${why}`, cause)
}
