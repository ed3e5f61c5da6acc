/** Which family makes a model of which kind of artifact. */
import type { Manifest } from '../domain/version.ts'
import type { Decoder } from './loadArtifact.ts'

export const decoders: Readonly<Record<Manifest['kind'], Decoder>> = {
  linear: () => {
    throw new Error('the linear family is not part of this build')
  },
}
