import { expect, test } from 'vitest'
import type { ClassifierConfig } from '../../../engine/nn/encoder.ts'
import { encoderClassifier, encoderServing } from '../../../engine/nn/encoder.ts'
import { dropoutOf } from '../../../engine/nn/encoderLayers.ts'
import { tinyEncoder } from '../../../engine/nn/fixtures.ts'
import { weightsOf } from '../../../engine/nn/serving.ts'
import { encodeModel } from '../../../engine/onnx/encode.ts'
import { wordPieceTokenizer } from '../../../engine/tokenize/fromVocabulary.ts'
import type { LabelledText } from '../../../evaluation/measure.ts'
import { seededRandom } from '../../../math/random.ts'
import { type Artifact, makeArtifact } from '../../../versions/artifacts/artifact.ts'
import { scoreArtifact } from '../scoreArtifact.ts'
import { type QuantizeVersion, quantizeVersion } from './quantizeVersion.ts'

const WORDS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...Array.from({ length: 95 }, (_, i) => `w${i}`)]
const config: ClassifierConfig = {
  ...tinyEncoder,
  vocabulary: WORDS.length,
  width: 64,
  heads: 4,
  inner: 128,
  positions: 32,
  norm: 'pre',
  epsilon: 1e-5,
  dropout: dropoutOf(0),
  pooling: 'mean',
}
const labels = ['negative', 'positive']
const signal = new AbortController().signal

const texts = (() => {
  const random = seededRandom(4)
  return Array.from({ length: 200 }, () =>
    Array.from({ length: 3 + Math.floor(random() * 12) }, () => `w${Math.floor(random() * 95)}`).join(' '),
  )
})()

test('a version in eight bits says what it was made of and how far its answers moved', async () => {
  const base = version()
  const rows = await answeredRows(base)
  const { artifact, change } = await quantizeVersion(asked({ artifact: base, rows }), needs())
  const { manifest } = artifact
  expect(manifest).toMatchObject({
    kind: 'transformer',
    model: 'mood-int8',
    labels,
    calibration: { temperature: 1.5 },
    recipe: { name: 'int8', parameters: { base: 'mood@3', digest: base.digest, rows: 200, flips: change.flips } },
  })
  expect(JSON.parse(textOf(artifact, 'transformer.json'))).toMatchObject({
    precision: 'int8',
    base: 'mood@3',
    keep: 'head',
  })
  expect(manifest.files['model.onnx']?.bytes).toBeLessThan((base.manifest.files['model.onnx']?.bytes ?? 0) / 2)

  // The rows are labelled by what float32 says, so that accuracy lost is exactly the share of other answers.
  const [before, after] = [await scored(base), await scored(artifact)]
  const flips = before.filter(({ label }, i) => label !== after[i].label).length
  expect(change).toMatchObject({ rows: 200, flips, loss: { loss: flips / 200 } })
  expect(change.before.metrics['accuracy']?.value).toBe(1)
  expect(change.after.metrics['accuracy']?.value).toBe(1 - flips / 200)
  const moved = before.flatMap(({ probabilities }, i) =>
    [...probabilities].map((p, k) => Math.abs(p - after[i].probabilities[k])),
  )
  expect(change.maxChange).toBeCloseTo(Math.max(...moved), 12)
  expect(change.maxChange).toBeGreaterThan(0)
  expect(change.meanChange).toBeLessThan(0.01)
  expect(manifest.evaluations).toEqual([change.after])

  const card = textOf(artifact, 'card.md')
  expect(card).toContain(`${flips} of 200 rows`)
  expect(card).toContain('# As it was')
})

test('the embeddings may stay as they are', async () => {
  const base = version()
  const rows = await answeredRows(base)
  const { artifact } = await quantizeVersion(asked({ artifact: base, rows, embeddings: false }), needs())
  const whole = await quantizeVersion(asked({ artifact: base, rows }), needs())
  const size = (one: Artifact) => one.manifest.files['model.onnx']?.bytes ?? 0
  expect(size(artifact)).toBeGreaterThan(size(whole.artifact) + 100 * 64 * 2)
  expect(artifact.manifest.recipe.parameters['embeddings']).toBe('fp32')
})

test('what is quantised already, no transformer, or cannot be measured is refused', async () => {
  const base = version()
  const rows = await answeredRows(base)
  const { artifact } = await quantizeVersion(asked({ artifact: base, rows }), needs())
  await expect(quantizeVersion(asked({ artifact, rows }), needs())).rejects.toThrow(/mood@3 is quantised already/)
  await expect(quantizeVersion(asked({ artifact: base, rows: rows.slice(0, 49) }), needs())).rejects.toThrow(
    /49 rows.*at least 50/,
  )
  const { files: _files, ...parts } = base.manifest
  const linear = makeArtifact({ ...parts, kind: 'linear' }, base.files)
  await expect(quantizeVersion(asked({ artifact: linear, rows }), needs())).rejects.toThrow(/is of kind linear/)
})

function asked(changes: Pick<QuantizeVersion, 'artifact' | 'rows'> & Partial<QuantizeVersion>): QuantizeVersion {
  return {
    title: 'mood@3',
    model: 'mood-int8',
    rowsName: 'rows.csv',
    embeddings: true,
    threads: 1,
    seed: 1,
    engine: '0',
    createdAt: '2026-01-01T00:00:00Z',
    ...changes,
  }
}

function needs() {
  return { signal, onProgress: () => undefined }
}

function version(): Artifact {
  const { parameters } = encoderClassifier(config, { seed: 2 })
  const large = parameters.map((spec) => ({
    ...spec,
    initial: spec.decays ? spec.initial.map((w) => 6 * w) : spec.initial,
  }))
  const form = {
    family: 'bert',
    maxLength: 32,
    padId: 0,
    inputs: ['input_ids', 'attention_mask'],
    precision: 'fp32',
    keep: 'head',
  }
  const rules = { lowercase: true, stripAccents: null, handleChinese: true }
  return makeArtifact(
    {
      format: 1,
      kind: 'transformer',
      model: 'mood',
      task: 'mood',
      labels,
      recipe: { name: 'made', parameters: {} },
      seed: 1,
      data: { rows: 0, sha256: '0'.repeat(64), sources: [] },
      evaluations: [],
      calibration: { temperature: 1.5, rows: 100, ece: 0.01 },
      engine: '0',
      createdAt: '2026-01-01T00:00:00Z',
    },
    {
      'model.onnx': encodeModel(encoderServing(config, weightsOf(large))),
      'tokenizer.json': bytesOf(JSON.stringify(wordPieceTokenizer(WORDS, rules))),
      'transformer.json': bytesOf(JSON.stringify(form)),
      'card.md': bytesOf('# As it was\n'),
    },
  )
}

async function answeredRows(artifact: Artifact): Promise<LabelledText[]> {
  return (await scored(artifact)).map(({ label }, i) => ({ text: texts[i], label: labels[label] }))
}

function scored(artifact: Artifact) {
  return scoreArtifact(artifact, texts, { threads: 1, signal })
}

function textOf({ files }: Artifact, name: string): string {
  return new TextDecoder().decode(files[name])
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
