import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Fault, type FaultCode } from '../../domain/faults.ts'
import { encodeModel } from '../onnx/encode.ts'
import type { Attribute, OnnxModel, OnnxNode, Tensor } from '../onnx/model.ts'
import { type PooledModel, ScoringPool, type ScoringPoolOptions } from './scoringPool.ts'

const VOCABULARY = 50
const form = { inputs: ['input_ids', 'attention_mask'], labels: 2, padId: 0 }
const options = { deadlineMs: 20_000 }

/** Logit k of a text is the sum of its ids' rows in a table: a model whose answers can be computed in advance. */
const bytes = encodeModel(sumModel())
const expected = (ids: readonly number[]) => [ids.reduce((a, id) => a + id, 0), ids.reduce((a, id) => a - 2 * id, 0)]
const tokensOf = (ids: readonly number[]) => ({ ids: Int32Array.from(ids), typeIds: new Int32Array(ids.length) })

let workers: Worker[]
let pools: ScoringPool[]
const remember = (worker: Worker) => workers.push(worker)
beforeEach(() => {
  workers = []
  pools = []
  process.on('worker', remember)
})
afterEach(async () => {
  process.off('worker', remember)
  for (const pool of pools) await pool.close()
})

async function opened(given: Partial<ScoringPoolOptions> = {}): Promise<{ pool: ScoringPool; model: PooledModel }> {
  const pool = new ScoringPool({ threads: 2, textsMax: 1000, nowMs: () => performance.now(), ...given })
  pools.push(pool)
  return { pool, model: await pool.open({ bytes }, form) }
}

async function refusal(work: Promise<unknown>): Promise<FaultCode | 'answered'> {
  return work.then(
    () => 'answered' as const,
    (error: unknown) => (error instanceof Fault ? error.code : Promise.reject(error as Error)),
  )
}

describe('a pool', () => {
  test('answers every text with its own logits, whatever it was batched with', async () => {
    const { model } = await opened()
    const texts = Array.from({ length: 300 }, (_, i) =>
      Array.from({ length: 1 + ((i * 7) % 40) }, (__, j) => (i * 13 + j * 5) % VOCABULARY),
    )
    const answers = await Promise.all(texts.map((ids) => model.score(tokensOf(ids), options)))
    for (const [i, logits] of answers.entries()) expect([...logits]).toEqual(expected(texts[i]))
  })

  test('batches texts without much padding, and reports it', async () => {
    const seen = { rows: 0, batches: 0, tokens: 0, padded: 0, waits: 0 }
    const { model } = await opened({
      observe: {
        batch(rows, tokens, padded) {
          seen.rows += rows
          seen.batches++
          seen.tokens += tokens
          seen.padded += padded
        },
        waited: () => seen.waits++,
        ended: () => undefined,
      },
    })
    await Promise.all(
      Array.from({ length: 200 }, (_, i) => model.score(tokensOf(Array(5 + (i % 30)).fill(1)), options)),
    )
    expect(seen.rows).toBe(200)
    expect(seen.waits).toBe(200)
    expect(seen.batches).toBeLessThan(100)
    expect(1 - seen.tokens / seen.padded).toBeLessThan(0.2)
  })

  test('a thread that comes free takes its share of all that is under way, and leaves the others theirs', async () => {
    const batches: number[] = []
    const { model } = await opened({
      observe: { batch: (rows) => batches.push(rows), waited: () => undefined, ended: () => undefined },
    })
    await Promise.all(Array.from({ length: 8 }, () => model.score(tokensOf([1, 2, 3]), options)))
    // One for each thread at once; of the six that wait and the one that the other thread is at, half.
    expect(batches).toEqual([1, 1, 4, 2])
  })

  test('refuses at once when as many wait as may, and takes texts again afterwards', async () => {
    const { model, pool } = await opened({ textsMax: 10 })
    const outcomes = Array.from({ length: 200 }, () => refusal(model.score(tokensOf([1, 2, 3]), options)))
    expect(pool.depth).toBeLessThanOrEqual(10)
    const codes = await Promise.all(outcomes)
    expect(codes.filter((code) => code === 'queue_full').length).toBeGreaterThan(150)
    expect(codes.filter((code) => code === 'answered').length).toBeGreaterThanOrEqual(10)
    expect(await refusal(model.score(tokensOf([1]), options))).toBe('answered')
  })

  test('refuses a text whose time is up, and drops one whose caller has left', async () => {
    const { model } = await opened({ threads: 1 })
    const busy = model.score(tokensOf(Array(400).fill(1)), options)
    let left = false
    const leaving = refusal(model.score(tokensOf([1, 2]), { deadlineMs: 20_000, isAbandoned: () => left }))
    const late = refusal(model.score(tokensOf([1, 2, 3, 4]), { deadlineMs: -1 }))
    left = true
    await busy
    expect(await leaving).toBe('caller_left')
    expect(await late).toBe('timeout')
  })

  test('isolates a bad text from the others of its batch: only that one is refused', async () => {
    const failures: string[] = []
    const { model } = await opened({
      threads: 1,
      observe: { batch: () => undefined, waited: () => undefined, ended: (why) => failures.push(why) },
    })
    const first = model.score(tokensOf([9, 9, 9]), options)
    const texts = [
      [1, 2, 3],
      [4, 5, 6],
      [7, VOCABULARY + 7, 8],
      [10, 11, 12],
    ]
    const codes = await Promise.all(texts.map((ids) => refusal(model.score(tokensOf(ids), options))))
    await first
    expect(codes).toEqual(['answered', 'answered', 'scoring_failed', 'answered'])
    expect(failures).toHaveLength(2)
  })

  test('starts a thread anew that has ended, and no text is lost with it', async () => {
    const { model } = await opened({ threads: 1 })
    const texts = Array.from({ length: 40 }, (_, i) => [i, i + 1, i + 2])
    const answers = texts.map((ids) => model.score(tokensOf(ids), options))
    fail(workers[0])
    for (const [i, logits] of (await Promise.all(answers)).entries()) expect([...logits]).toEqual(expected(texts[i]))
    expect(workers).toHaveLength(2)
  })

  test('with a thread that cannot be restarted, refuses at once', async () => {
    const { model } = await opened({ threads: 1 })
    process.on('worker', fail)
    try {
      fail(workers[0])
      const ids = [[1, 2], Array(30).fill(3), Array(60).fill(4)]
      const codes = await Promise.all(ids.map((one) => refusal(model.score(tokensOf(one), { deadlineMs: 300 }))))
      for (const code of codes) expect(['timeout', 'scoring_failed', 'answered']).toContain(code)
      expect(codes).toContain('timeout')
    } finally {
      process.off('worker', fail)
    }
  })

  test('serves one model while another opens, and closes one without a word to the other', async () => {
    const { pool, model } = await opened()
    const second = pool.open({ bytes }, form)
    expect([...(await model.score(tokensOf([1, 2]), options))]).toEqual(expected([1, 2]))
    const other = await second
    const last = model.score(tokensOf([3]), options)
    await model.close()
    expect([...(await last)]).toEqual(expected([3]))
    expect(await refusal(model.score(tokensOf([3]), options))).toBe('stopping')
    expect([...(await other.score(tokensOf([4]), options))]).toEqual(expected([4]))
  })

  test('says why a model cannot be opened', async () => {
    const pool = new ScoringPool({ threads: 2, textsMax: 10, nowMs: () => performance.now() })
    pools.push(pool)
    await expect(pool.open({ bytes: new Uint8Array(64) }, form)).rejects.toThrow(/ONNX Runtime does not take the model/)
    await expect(pool.open({ bytes }, { ...form, labels: 3 })).rejects.toThrow(/2 logits, not one for each of 3/)
    await expect(pool.open({ path: '/nowhere/model.onnx', sha256: '' }, form)).rejects.toThrow(/ENOENT/)
  })
})

/** A message that the thread does not know is a bug, which ends it. */
function fail(worker: Worker): void {
  worker.postMessage({ kind: 'nonsense' })
}

/** ids → rows of a table → times the mask → their sum. */
function sumModel(): OnnxModel {
  const table = new Float32Array(2 * VOCABULARY).map((_, i) => (i % 2 === 0 ? 1 : -2) * (i >> 1))
  const node = (
    op: string,
    inputs: string[],
    output: string,
    attributes: Record<string, Attribute> = {},
  ): OnnxNode => ({
    name: output,
    op,
    domain: '',
    inputs,
    outputs: [output],
    attributes,
  })
  const int64 = (...values: number[]): Tensor => ({
    type: 'int64',
    shape: [values.length],
    bytes: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
  })
  const rows: Tensor = { type: 'float32', shape: [VOCABULARY, 2], bytes: new Uint8Array(table.buffer) }
  const shape = ['batch', 'tokens']
  return {
    irVersion: 9,
    opsets: new Map([['', 17]]),
    producer: 'test',
    metadata: new Map(),
    graph: {
      name: 'sum',
      nodes: [
        node('Gather', ['table', 'input_ids'], 'rows', { axis: { kind: 'int', value: 0 } }),
        node('Cast', ['attention_mask'], 'mask', { to: { kind: 'int', value: 1 } }),
        node('Unsqueeze', ['mask', 'last'], 'column'),
        node('Mul', ['rows', 'column'], 'masked'),
        node('ReduceSum', ['masked', 'tokens'], 'logits', { keepdims: { kind: 'int', value: 0 } }),
      ],
      inputs: [
        { name: 'input_ids', type: 'int64', shape },
        { name: 'attention_mask', type: 'int64', shape },
      ],
      outputs: [{ name: 'logits', type: 'float32', shape: ['batch', 2] }],
      values: [],
      initializers: new Map([
        ['table', rows],
        ['last', int64(2)],
        ['tokens', int64(1)],
      ]),
    },
  }
}
