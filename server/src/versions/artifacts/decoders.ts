/** Which family makes a model of which kind of artifact, for the families that score at once. */
import type { ModelKind } from '../../domain/version.ts'
import { readSeverityRule, severityModel } from '../../models/logs/severityModel.ts'
import { decodeLinear } from '../../models/text/linearCodec.ts'
import type { Decoder } from './loadArtifact.ts'

export const decoders: Readonly<Partial<Record<ModelKind, Decoder>>> = {
  linear: ({ files }) => decodeLinear(files),
  severity: ({ files, manifest }) => severityModel(decodeLinear(files), readSeverityRule(manifest.recipe.parameters)),
}
