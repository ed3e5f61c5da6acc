/** From proven bytes to a model that scores. */
import type { Manifest } from '../domain/version.ts'
import type { TextModel } from '../models/textModel.ts'
import type { Artifact } from './artifact.ts'
import { decoders } from './decoders.ts'
import { verifyArtifact } from './folder.ts'
import { broken, MANIFEST_NAME } from './manifest.ts'

export interface Loaded {
  readonly manifest: Manifest
  readonly digest: string
  readonly model: TextModel
}

/** How a family makes its model from the artifact's files. It throws on bytes that are not its own. */
export type Decoder = (artifact: Artifact) => TextModel

/**
 * Loads a version from its folder.
 *
 * @param digest the digest that the registry knows for the version; without one the folder only proves itself.
 * Throws artifact_broken, with the file and the reason, on anything that is not exactly what was written.
 */
export async function loadArtifact(folder: string, options: { digest?: string } = {}): Promise<Loaded> {
  return decodeArtifact(await verifyArtifact(folder, options))
}

/** Makes the model of a proven artifact. */
export function decodeArtifact(
  artifact: Artifact,
  families: Readonly<Record<Manifest['kind'], Decoder>> = decoders,
): Loaded {
  const { manifest, digest } = artifact
  let model: TextModel
  try {
    model = families[manifest.kind](artifact)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw broken(`the ${manifest.kind} model`, `could not be read: ${why}`, cause)
  }
  if (model.labels.join('\n') !== manifest.labels.join('\n'))
    throw broken(MANIFEST_NAME, 'names other labels than the model has')
  return { manifest, digest, model }
}
