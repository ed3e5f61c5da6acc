/** What is trained in the benches: the shapes that peerLearn.py has in PyTorch, dropout included. */
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bucket, Trainable } from '../../src/engine/fit/trainable.ts'
import { importExport } from '../../src/engine/import/importExport.ts'
import { type ClassifierConfig, encoderClassifier } from '../../src/engine/nn/encoder.ts'
import type { Dropout } from '../../src/engine/nn/encoderLayers.ts'
import { lstmClassifier } from '../../src/engine/nn/lstm.ts'
import { distilbertShape } from './distilbertShape.ts'

export interface Case {
  readonly name: CaseName
  readonly shape: string
  readonly bucket: Bucket
  readonly make: () => Trainable | Promise<Trainable>
  /** What peerLearn.py calls it. */
  readonly peer: 'encoder' | 'distilbert' | 'lstm'
  /** Whether threads share the rows, as the trainer of this model does, instead of each operator's work. */
  readonly sharesRows: boolean
  /** A step's share of a turn: steps that each side runs before the other has its turn. */
  readonly steps: number
}

export const caseNames = ['encoder', 'distilbert', 'imported', 'imported-graph', 'lstm'] as const
export type CaseName = (typeof caseNames)[number]

const none: Dropout = { embeddings: 0, attention: 0, attentionOutput: 0, inner: 0, output: 0, pooled: 0, head: 0 }

/** As torch.nn.TransformerEncoderLayer(256, 4, 1024, dropout=.1, norm_first=True) × 4 and the mean over tokens. */
const encoder: ClassifierConfig = {
  family: 'bert',
  vocabulary: 8000,
  width: 256,
  layers: 4,
  heads: 4,
  inner: 1024,
  positions: 128,
  firstPosition: 0,
  typeVocabulary: 0,
  norm: 'pre',
  epsilon: 1e-5,
  activation: 'gelu',
  dropout: { ...none, attention: 0.1, attentionOutput: 0.1, inner: 0.1, output: 0.1 },
  labels: 2,
  pooling: 'mean',
  head: 'linear',
}

/** With the dropout of transformers' default configuration: none after the attention's output layer. */
const distilbert: ClassifierConfig = {
  ...distilbertShape,
  dropout: { ...none, embeddings: 0.1, attention: 0.1, output: 0.1, head: 0.2 },
}

const lstm = { features: 12, units: 64, layers: 2, hidden: 32, dropout: 0 }

const distilbertCase: Case = {
  name: 'distilbert',
  peer: 'distilbert',
  shape: '16×128, d 768, 6 layers, 67 M parameters',
  bucket: { rows: 16, length: 128 },
  make: () => encoderClassifier(distilbert, { seed: 1 }),
  sharesRows: false,
  steps: 2,
}

export const cases: Readonly<Record<CaseName, Case>> = {
  encoder: {
    name: 'encoder',
    peer: 'encoder',
    shape: '32×128, d 256, 4 layers, vocabulary 8k',
    bucket: { rows: 32, length: 128 },
    make: () => encoderClassifier(encoder, { seed: 1 }),
    sharesRows: false,
    steps: 4,
  },
  distilbert: distilbertCase,
  imported: importedCase('imported', 'recognised', true),
  'imported-graph': importedCase('imported-graph', 'as the graph that it is (no dropout)', false),
  lstm: {
    name: 'lstm',
    peer: 'lstm',
    shape: '2×64, T 60, batch 64, 12 features',
    bucket: { rows: 64, length: 60 },
    make: () => lstmClassifier(lstm, { seed: 1 }),
    sharesRows: true,
    steps: 60,
  },
}

function importedCase(name: 'imported' | 'imported-graph', how: string, recognise: boolean): Case {
  return {
    ...distilbertCase,
    name,
    shape: `16×128, a DistilBERT export, ${how}`,
    make: () => imported(recognise),
  }
}

/** A DistilBERT export brought in. A process of its own writes the file: making it is no part of what is measured here. */
async function imported(recognise: boolean): Promise<Trainable> {
  const folder = await mkdtemp(join(tmpdir(), 'barometer-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true }))
  const script = fileURLToPath(new URL('distilbertShape.ts', import.meta.url))
  execFileSync(process.execPath, [script, folder, 'fp32'], { stdio: ['ignore', 'ignore', 'inherit'] })
  const path = join(folder, 'model.onnx')
  const { trainable, encoder } = await importExport(path, { recognise, dropout: distilbert.dropout })
  if ((encoder !== null) !== recognise) throw new Error('the export is not brought in the way that is to be measured')
  return trainable
}
