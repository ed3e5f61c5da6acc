/** A transformer behind the server says why, by either method. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExplainAnswer, PredictAnswer } from '@barometer/wire'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { wordPieceTokenizer } from '../../src/engine/tokenize/fromVocabulary.ts'
import { register } from '../../src/loop/register.ts'
import { modelOpener } from '../../src/serving/openModel.ts'
import { openStore } from '../../src/store/openStore.ts'
import { makeArtifact } from '../../src/versions/artifacts/artifact.ts'
import { type Served, serve } from '../serve.ts'

const text = 'I liked it, sadly.'
const words = ['not', 'a', 'good', 'film', 'sad', '##ly', ',', '.', 'i', 'liked', 'it']
const model = new URL('../golden/imported/distilbert/script-sdpa-17.onnx', import.meta.url)
const json = (value: object) => new TextEncoder().encode(JSON.stringify(value))

/** Its weights are random and its words few, but it is a DistilBERT in all else. */
const artifact = makeArtifact(
  {
    format: 1,
    kind: 'transformer',
    model: 'tone',
    task: 'tone',
    labels: ['negative', 'neutral', 'positive'],
    recipe: { name: 'test', parameters: {} },
    seed: 1,
    data: { rows: 0, sha256: '0'.repeat(64), sources: [] },
    evaluations: [],
    calibration: { temperature: 1.5, rows: 0, ece: 0 },
    engine: '0.1.0',
    createdAt: '2026-01-01T00:00:00Z',
  },
  {
    'model.onnx': readFileSync(model),
    'tokenizer.json': json(
      wordPieceTokenizer(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words], {
        lowercase: true,
        stripAccents: null,
        handleChinese: true,
      }),
    ),
    'transformer.json': json({
      family: 'distilbert',
      maxLength: 24,
      padId: 0,
      inputs: ['input_ids', 'attention_mask'],
      precision: 'fp32',
    }),
  },
)

let server: Served
beforeAll(async () => {
  server = await serve()
  const { config } = server
  const store = await openStore({ url: config.databaseUrl?.reveal() ?? null, home: config.home, now: Date.now })
  const modelsFolder = join(config.home, 'models')
  const opener = modelOpener({ threads: 1 })
  const needs = { store, modelsFolder, open: opener.open, now: Date.now }
  await register(artifact, { who: 'test', why: 'to be explained' }, needs)
  await opener.close()
  await store.registry.promote({ model: 'tone', version: 1, who: 'test', why: 'to be explained', at: Date.now() })
  await store.close()
  server = await server.again()
})
afterAll(() => server.end())

test.each([undefined, 'gradients', 'occlusion'] as const)('asked with the method %s', async (method) => {
  const { status, body } = await server.call<ExplainAnswer>('POST', '/explain', {
    text,
    task: 'tone',
    ...(method === undefined ? {} : { method }),
  })
  expect(status).toBe(200)
  const { explanation, probabilities } = body
  expect(explanation.method).toBe(method ?? 'gradients')
  expect(explanation.spans.map((span) => span.text)).toEqual(['I', 'liked', 'it', ',', 'sadly', '.'])
  for (const [k, logit] of explanation.logits.entries())
    expect(explanation.spans.reduce((sum, span) => sum + span.contributions[k], explanation.bias[k])).toBeCloseTo(
      logit,
      8,
    )
  const total = explanation.logits.reduce((sum, logit) => sum + Math.exp(logit), 0)
  for (const [k, label] of explanation.labels.entries())
    expect(Math.exp(explanation.logits[k]) / total).toBeCloseTo(probabilities[label], 4)
})

test('a prediction comes with its explanation where that is asked for', async () => {
  const { body } = await server.call<PredictAnswer>('POST', '/predict', { text, task: 'tone', explain: true })
  expect(body.explanation?.method).toBe('gradients')
})

test('a linear model is exact, whatever the method; an unknown method is refused', async () => {
  const exact = await server.call<ExplainAnswer>('POST', '/explain', { text, task: 'sentiment', method: 'gradients' })
  expect(exact.body.explanation.method).toBe('exact')
  const unknown = await server.call('POST', '/explain', { text, method: 'magic' })
  expect({ status: unknown.status, code: unknown.body.error.code }).toEqual({ status: 400, code: 'bad_request' })
})
