/** Opens models of the families that score at once: for tests that serve no neural model. */
import { decodeArtifact, type OpenModel } from '../src/versions/artifacts/loadArtifact.ts'

export const openAtOnce: OpenModel = async (artifact) => decodeArtifact(artifact).model
