/** A small encoder with random weights and a real vocabulary, as a version of the task `sentiment`: for tests of serving. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../src/config.ts'
import { type ClassifierConfig, encoderClassifier, encoderServing } from '../src/engine/nn/encoder.ts'
import { dropoutOf } from '../src/engine/nn/encoderLayers.ts'
import { tinyEncoder } from '../src/engine/nn/fixtures.ts'
import { weightsOf } from '../src/engine/nn/serving.ts'
import { encodeModel } from '../src/engine/onnx/encode.ts'
import { register } from '../src/loop/register.ts'
import { modelOpener } from '../src/serving/openModel.ts'
import { openStore } from '../src/store/openStore.ts'
import { type Artifact, makeArtifact } from '../src/versions/artifacts/artifact.ts'

const tokenizer = readFileSync(new URL('golden/tokenize/wordpiece.json', import.meta.url))

const config: ClassifierConfig = {
  ...tinyEncoder,
  vocabulary: 420,
  width: 128,
  heads: 4,
  inner: 512,
  positions: 128,
  dropout: dropoutOf(0),
  head: 'tanh',
}

export function tinyTransformer(seed = 1): Artifact {
  const { parameters } = encoderClassifier(config, { seed })
  // Of the size of trained weights, so that texts differ in what they get.
  const larger = parameters.map((one) => (one.decays ? { ...one, initial: one.initial.map((w) => 6 * w) } : one))
  const json = (value: object) => new TextEncoder().encode(JSON.stringify(value))
  return makeArtifact(
    {
      format: 1,
      kind: 'transformer',
      model: 'encoder',
      task: 'sentiment',
      labels: ['negative', 'positive'],
      recipe: { name: 'test', parameters: {} },
      seed,
      data: { rows: 0, sha256: '0'.repeat(64), sources: [] },
      evaluations: [],
      calibration: { temperature: 1.5, rows: 0, ece: 0 },
      engine: '0.1.0',
      createdAt: '2026-01-01T00:00:00Z',
    },
    {
      'model.onnx': encodeModel(encoderServing(config, weightsOf(larger))),
      'tokenizer.json': tokenizer,
      'transformer.json': json({
        family: 'bert',
        maxLength: config.positions,
        padId: 0,
        inputs: ['input_ids', 'attention_mask'],
        precision: 'fp32',
      }),
    },
  )
}

/** Puts it into the registry of a state's folder, as `staging`. */
export async function registerTransformer(
  artifact: Artifact,
  { home, databaseUrl }: Pick<Config, 'home' | 'databaseUrl'>,
): Promise<{ model: string; version: number }> {
  const store = await openStore({ url: databaseUrl?.reveal() ?? null, home, now: Date.now })
  const opener = modelOpener({ threads: 1 })
  try {
    const needs = { store, modelsFolder: join(home, 'models'), open: opener.open, now: Date.now }
    const { model, version } = await register(artifact, { who: 'test', why: 'to be served' }, needs)
    return { model, version }
  } finally {
    await opener.close()
    await store.close()
  }
}
