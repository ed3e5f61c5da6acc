import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Fault } from '../../domain/faults.ts'
import { openSession, runTensor, type Session, valuesOf } from '../session.ts'
import { wordPieceTokenizer } from '../tokenize/fromVocabulary.ts'
import { readTokenizer } from '../tokenize/tokenizer.ts'
import { gradientsInThread } from './gradientsInThread.ts'
import { type ExplainerParts, transformerExplainer } from './transformerExplainer.ts'

const FOLDER = join(import.meta.dirname, '../../../test/golden/imported/distilbert')
const bytes = (file: string) => readFileSync(join(FOLDER, file))
const words = ['not', 'a', 'good', 'film', 'sad', '##ly', ',', '.', 'i', 'liked', 'it', 'very', 'much']
const vocabulary = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words]
const tokenizer = readTokenizer(
  new TextEncoder().encode(
    JSON.stringify(wordPieceTokenizer(vocabulary, { lowercase: true, stripAccents: null, handleChinese: true })),
  ),
  { maxLength: 24 },
)
const text = 'Not a good film, sadly.'
const options = { deadlineMs: 1000 }

let session: Session
beforeAll(async () => {
  session = await openSession(bytes('script-sdpa-17.onnx'))
})
afterAll(() => session.close())

function parts(file: string, precision = 'fp32'): ExplainerParts {
  return {
    labels: ['negative', 'neutral', 'positive'],
    tokenizer,
    model: {
      async score({ ids }) {
        const shape = [1, ids.length]
        const seen = await session.run({
          input_ids: runTensor('int64', BigInt64Array.from(ids, BigInt), shape),
          attention_mask: runTensor('int64', new BigInt64Array(ids.length).fill(1n), shape),
        })
        return Float32Array.from(valuesOf('float32', seen[session.outputs[0]]))
      },
    },
    source: { bytes: bytes(file) },
    form: {
      family: 'distilbert',
      maxLength: 24,
      padId: 0,
      inputs: ['input_ids', 'attention_mask'],
      precision,
      keep: 'head',
    },
    temperature: 2,
  }
}

describe('a transformer that serves', () => {
  test('explains itself by gradients in a thread of their own, complete to within one per cent', async () => {
    const explainer = transformerExplainer(parts('script-sdpa-17.onnx'))
    const [one, two] = await Promise.all([explainer.explain(text, options), explainer.explain('I liked it.', options)])
    expect([one.method, two.method]).toEqual(['gradients', 'gradients'])
    expect(one.spans.map(({ start, end }) => text.slice(start, end))).toEqual([
      'Not',
      'a',
      'good',
      'film',
      ',',
      'sadly',
      '.',
    ])
    const nothing = tokenizer.encode(text).ids.map((id, t, all) => (t === 0 || t === all.length - 1 ? id : 4))
    const raw = await parts('script-sdpa-17.onnx').model.score({ ids: nothing, typeIds: nothing }, options)
    const mean = raw.reduce((a, b) => a + b, 0) / 3
    for (const [k, logit] of one.logits.entries()) {
      const baseline = (raw[k] - mean) / 2
      expect(Math.abs(one.bias[k] - baseline)).toBeLessThanOrEqual(0.01 * Math.max(0.05, Math.abs(logit - baseline)))
    }
    await explainer.close()
  })

  test('explains itself by occlusion where that is asked for, and where it has no gradients', async () => {
    const plain = transformerExplainer(parts('script-sdpa-17.onnx'))
    const quantised = transformerExplainer(parts('quantized.onnx', 'int8'))
    // Not said to be quantised: it is found out by trying.
    const surprising = transformerExplainer(parts('quantized.onnx'))
    const asked = await plain.explain(text, options, 'occlusion')
    expect(asked.method).toBe('occlusion')
    expect(await quantised.explain(text, options)).toEqual(asked)
    expect(await surprising.explain(text, options)).toEqual(asked)
    await expect(quantised.explain(text, options, 'gradients')).rejects.toThrow(/occlusion/)
    await expect(surprising.explain(text, options, 'gradients')).rejects.toThrow(/occlusion/)
    for (const explainer of [plain, quantised, surprising]) await explainer.close()
  })
})

describe('the thread of gradients', () => {
  const data = { source: { bytes: bytes('script-sdpa-17.onnx') }, maxLength: 24, padId: 0, threads: 1 }
  const ids = Int32Array.of(2, 5, 6, 7, 3)
  const baseline = Int32Array.of(2, 4, 4, 4, 3)

  test('ends when idle, and starts again with the next text', async () => {
    const gradients = gradientsInThread(data, 20)
    const first = await gradients.attribute(ids, baseline, { deadlineMs: 30_000 })
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(await gradients.attribute(ids, baseline, { deadlineMs: 30_000 })).toEqual(first)
    await gradients.close()
  })

  test('refuses at once where too many wait, and each whose time is up', async () => {
    const gradients = gradientsInThread(data)
    const many = Array.from({ length: 9 }, (_, i) =>
      gradients.attribute(ids, baseline, { deadlineMs: i === 0 ? 1 : 30_000 }),
    )
    const outcomes = await Promise.allSettled(many)
    const codes = outcomes.map((one) =>
      one.status === 'rejected' && one.reason instanceof Fault ? one.reason.code : 'ok',
    )
    expect(codes).toEqual(['timeout', 'ok', 'ok', 'ok', 'ok', 'ok', 'ok', 'ok', 'queue_full'])
    await gradients.close()
  })

  test('drops a text whose caller has left, and goes on with the next', async () => {
    const gradients = gradientsInThread(data)
    let left = false
    const dropped = gradients.attribute(ids, baseline, { deadlineMs: 30_000, isAbandoned: () => left })
    left = true
    const next = gradients.attribute(ids, baseline, { deadlineMs: 30_000, isAbandoned: () => false })
    await expect(dropped).rejects.toMatchObject({ code: 'caller_left' })
    expect((await next).error).toBeLessThan(0.01)
    await gradients.close()
  })

  test('that is closed refuses what waits', async () => {
    const gradients = gradientsInThread(data)
    const waiting = expect(gradients.attribute(ids, baseline, { deadlineMs: 30_000 })).rejects.toThrow(Fault)
    await gradients.close()
    await waiting
  })
})
