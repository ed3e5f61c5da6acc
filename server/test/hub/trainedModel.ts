/**
 * The files of a model as a hub has them, made by our own engine: DistilBERT's shape, a vocabulary of its own, trained to
 * tell praise from blame; as an ONNX export, as one in 8 bits, and as a checkpoint.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FloatTensor, writeSafetensors } from '../../src/engine/import/safetensors.ts'
import { encoderClassifier } from '../../src/engine/nn/encoder.ts'
import { dropoutOf } from '../../src/engine/nn/encoderLayers.ts'
import { decodeModel } from '../../src/engine/onnx/decode.ts'
import { encodeModel } from '../../src/engine/onnx/encode.ts'
import { floats } from '../../src/engine/onnx/tensor.ts'
import { quantizeModel } from '../../src/engine/quantize/quantizeModel.ts'
import { wordPieceTokenizer } from '../../src/engine/tokenize/fromVocabulary.ts'
import type { LabelledText } from '../../src/evaluation/measure.ts'
import { transformerRecipes } from '../../src/models/text/transformer/recipes.ts'
import { buildVocabulary } from '../../src/models/text/wordPiece/buildVocabulary.ts'
import { countWords } from '../../src/training/trainers/transformer/countWords.ts'
import { openCheckpoint } from '../../src/training/trainers/transformer/openCheckpoint.ts'
import { trainTransformer } from '../../src/training/trainers/transformer/trainTransformer.ts'
import { stays } from '../stays.ts'
import type { RepositoryFiles } from './fakeHub.ts'

const shape = { width: 64, layers: 2, heads: 4, inner: 128, positions: 64 }

/** @returns the paths and bytes of a repository, the larger of them above what a hub keeps in git itself */
export async function trainedModel(): Promise<RepositoryFiles> {
  const rows = stays(900, 1)
  const counts = new Map<string, number>()
  for (const { text } of rows) countWords(text, counts)
  const words = buildVocabulary(counts, { size: 300, countMin: 2, alphabetMax: 100 })
  const tokenizer = wordPieceTokenizer(words, { lowercase: true, stripAccents: null, handleChinese: true })
  const config = {
    architectures: ['DistilBertForSequenceClassification'],
    model_type: 'distilbert',
    dim: shape.width,
    n_layers: shape.layers,
    n_heads: shape.heads,
    hidden_dim: shape.inner,
    vocab_size: words.length,
    max_position_embeddings: shape.positions,
    pad_token_id: 0,
    id2label: { 0: 'NEGATIVE', 1: 'POSITIVE' },
  }
  const small: RepositoryFiles = {
    'README.md': '---\nlicense: apache-2.0\nlanguage: en\n---\n# Stays\n',
    'config.json': JSON.stringify(config),
    'tokenizer.json': JSON.stringify(tokenizer),
    'tokenizer_config.json': '{"model_max_length": 64}',
  }
  const onnx = await trained(rows, small, beginnings(words.length))
  const tensors = [...decodeModel(onnx).graph.initializers].filter(([name]) => /\.(?:weight|bias)$/.test(name))
  return {
    ...small,
    'onnx/model.onnx': onnx,
    'onnx/model_quantized.onnx': encodeModel(quantizeModel(decodeModel(onnx))),
    'model.safetensors': writeSafetensors(
      new Map(tensors.map(([name, tensor]) => [name, { shape: [...tensor.shape], values: floats(tensor) }])),
    ),
  }
}

/** Random weights, by the names of the family's checkpoints. */
function beginnings(vocabulary: number): ReadonlyMap<string, FloatTensor> {
  const { parameters } = encoderClassifier(
    {
      ...shape,
      family: 'distilbert',
      vocabulary,
      firstPosition: 0,
      typeVocabulary: 0,
      norm: 'post',
      epsilon: 1e-12,
      activation: 'gelu',
      dropout: dropoutOf(0),
      labels: 2,
      pooling: 'cls',
      head: 'relu',
    },
    { seed: 1 },
  )
  return new Map(parameters.map(({ name, shape, initial }) => [name, { shape: [...shape], values: initial }]))
}

async function trained(
  rows: readonly LabelledText[],
  files: RepositoryFiles,
  weights: ReadonlyMap<string, FloatTensor>,
): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'barometer-trained-'))
  try {
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes)
    await writeFile(join(folder, 'model.safetensors'), writeSafetensors(weights))
    const { artifact } = await trainTransformer(
      {
        model: 'stays',
        task: 'sentiment',
        recipe: { ...transformerRecipes.fineTune, maxLength: 32, epochs: 6, earlyStopping: 6, learningRate: 3e-3 },
        seed: 1,
        threads: 1,
        rows,
        data: { sha256: '0'.repeat(64), sources: [{ name: 'made', rows: rows.length }] },
        test: null,
        base: await openCheckpoint(folder, 'random weights', rows, 1),
        unlabelled: [],
        engine: '0',
        createdAt: '2026-01-01T00:00:00Z',
      },
      { onEvent: () => undefined, signal: new AbortController().signal, folder: join(folder, 'run') },
    )
    return artifact.files['model.onnx'] ?? (await readFile(artifact.paths['model.onnx']))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
