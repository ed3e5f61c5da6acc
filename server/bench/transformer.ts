/**
 * A transformer over HTTP beside its peers: a classifier of DistilBERT's shape in 8 bits, every answer after its commit.
 *
 * The peers (BAROMETER_PEERS/p2_distilbert) are FastAPI with ONNX Runtime on the same shape in 8 bits, micro-batches and
 * group commits, in the three configurations that are each the fastest somewhere, and the same service as it is usually
 * written: PyTorch in float32, one text at a time behind a lock, a commit for each.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeModel } from '../src/engine/onnx/encode.ts'
import { register } from '../src/loop/register.ts'
import { barometerVersion } from '../src/main.ts'
import { modelOpener } from '../src/serving/openModel.ts'
import { openStore } from '../src/store/openStore.ts'
import { makeArtifact } from '../src/versions/artifacts/artifact.ts'
import { isRecord } from './barometer.ts'
import { distilbertInt8, distilbertShape } from './engine/distilbertShape.ts'
import { UVICORN, versionsOf } from './peers.ts'
import type { Subject } from './subject.ts'

const TOKENIZER = 'tiny_onnx_fixtures/bert-base-uncased.tokenizer.json'

/** Puts the model into production in a state's folder, as anybody would who has made one. */
export async function prepareTransformer(home: string, dataFolder: string): Promise<void> {
  mkdirSync(home, { recursive: true })
  const json = (value: object) => new TextEncoder().encode(JSON.stringify(value))
  const artifact = makeArtifact(
    {
      format: 1,
      kind: 'transformer',
      model: 'distilbert-shape',
      task: 'sentiment',
      labels: ['negative', 'positive'],
      recipe: { name: 'bench', parameters: {} },
      seed: 1,
      data: { rows: 0, sha256: '0'.repeat(64), sources: [] },
      evaluations: [],
      calibration: { temperature: 1, rows: 0, ece: 0 },
      engine: barometerVersion(),
      createdAt: '2026-01-01T00:00:00Z',
    },
    {
      'model.onnx': encodeModel(distilbertInt8()),
      'tokenizer.json': readFileSync(join(dataFolder, TOKENIZER)),
      'transformer.json': json({
        family: distilbertShape.family,
        maxLength: distilbertShape.positions,
        padId: 0,
        inputs: ['input_ids', 'attention_mask'],
        precision: 'int8',
      }),
    },
  )
  const store = await openStore({ url: null, home, now: Date.now })
  const opener = modelOpener()
  try {
    const needs = { store, modelsFolder: join(home, 'models'), open: opener.open, now: Date.now }
    const by = { who: 'bench', why: 'to be measured' }
    const { model, version } = await register(artifact, by, needs)
    await store.registry.promote({ model, version, ...by, at: Date.now() })
  } finally {
    await opener.close()
    await store.close()
  }
}

/** Each the fastest somewhere: one text at a time, many short ones, long ones; and the service as it is usually written. */
const configurations = {
  'onnx-2t': { P2_MODEL: 'onnx-int8', P2_MODE: 'durable', P2_THREADS: '2', P2_WORKERS: '1' },
  'onnx-2w1t': {
    P2_MODEL: 'onnx-int8',
    P2_MODE: 'durable',
    P2_THREADS: '1',
    P2_WORKERS: '2',
    P2_MAXB: '4',
    P2_WASTE: '.1',
  },
  'onnx-2t-b1': { P2_MODEL: 'onnx-int8', P2_MODE: 'durable', P2_THREADS: '2', P2_WORKERS: '1', P2_MAXB: '1' },
  reference: { P2_MODEL: 'fp32', P2_MODE: 'plain', P2_THREADS: '1' },
} as const

export function transformerPeers(peersFolder: string, dataFolder: string, python: string): Subject[] {
  const folder = join(peersFolder, 'p2_distilbert')
  const models = exported(folder, python)
  const versions = versionsOf(python, ['fastapi', 'uvicorn', 'onnxruntime', 'tokenizers', 'torch', 'numpy'])
  return Object.entries(configurations).map(([name, settings]) => ({
    name,
    command: python,
    args: `-m uvicorn main:app --host 127.0.0.1 --port {port} ${UVICORN}`.split(' ').concat('--app-dir', folder),
    environment: {
      P2_STORE: 'sqlite',
      P2_DB: join(tmpdir(), `barometer-bench-${name}-${process.pid}.db`),
      P2_ONNX: models,
      P2_TOKENIZER: join(dataFolder, TOKENIZER),
      PYTHONDONTWRITEBYTECODE: '1',
      OPENBLAS_NUM_THREADS: '1',
      ...settings,
    },
    readyPath: '/health',
    versions,
    judge(answer) {
      if (!isRecord(answer)) return 'no object'
      const { sentiment, confidence } = answer
      if (sentiment !== 'POSITIVE' && sentiment !== 'NEGATIVE') return 'sentiment'
      if (typeof confidence !== 'number' || !(confidence >= 0.5 && confidence <= 1)) return 'confidence'
      return { label: sentiment, confidence }
    },
  }))
}

/** Their model, exported and quantised once by their own script. */
function exported(folder: string, python: string): string {
  const out = join(tmpdir(), 'barometer-bench-distilbert')
  if (!existsSync(join(out, 'done'))) {
    process.stderr.write(`Exporting the peers' model with ${python} …\n`)
    execFileSync(python, [join(folder, 'export_onnx.py'), out], {
      stdio: 'ignore',
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    })
    writeFileSync(join(out, 'done'), '')
  }
  return out
}
