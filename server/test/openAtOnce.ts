/** Opens models of the families that score at once: for tests that serve no neural model. */
import { servedText } from '../src/models/servedModel.ts'
import { decodeArtifact, type OpenModel } from '../src/versions/artifacts/loadArtifact.ts'

export const openAtOnce: OpenModel = async (artifact) => servedText(decodeArtifact(artifact).model)
