/** A classifier as small as one can be, for tests that need one; they change what matters to them. */
import type { ClassifierConfig } from './encoder.ts'
import { dropoutOf } from './encoderLayers.ts'

export const tinyEncoder: ClassifierConfig = {
  family: 'bert',
  vocabulary: 30,
  width: 8,
  layers: 2,
  heads: 2,
  inner: 16,
  positions: 12,
  firstPosition: 0,
  typeVocabulary: 0,
  norm: 'post',
  epsilon: 1e-12,
  activation: 'gelu',
  dropout: dropoutOf(0.1),
  labels: 2,
  pooling: 'cls',
  head: 'linear',
}
