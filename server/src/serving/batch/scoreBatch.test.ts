import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import type { Block, Layout } from '../../ingest/files/layout.ts'
import { verifyArtifact } from '../../versions/artifacts/folder.ts'
import { decodeArtifact } from '../../versions/artifacts/loadArtifact.ts'
import type { BatchPlan } from './plan.ts'
import { type BatchModel, scoreBatch } from './scoreBatch.ts'

let version: BatchModel
let plan: BatchPlan
beforeAll(async () => {
  const artifact = await verifyArtifact(fileURLToPath(new URL('../../../../starter/sentiment', import.meta.url)))
  version = { artifact, model: decodeArtifact(artifact).model }
  const layout: Layout = {
    format: 'txt',
    delimiter: ',',
    quotes: 'whole-field',
    columns: ['text'],
    encoding: 'utf-8',
    rowBytesMax: 1e6,
  }
  plan = {
    layout,
    text: 'text',
    keep: [],
    output: 'csv',
    probabilities: false,
    labels: version.model.labels,
    textCharsMax: 1000,
  }
})

const nothing = async () => {}

/** Chunks of one line each, counting how many were asked for. */
function lines(count: number) {
  let asked = 0
  async function* chunks(): AsyncGenerator<Block> {
    for (let i = 1; i <= count; i++) {
      asked = i
      yield { bytes: new TextEncoder().encode(`line ${i} is good\n`), firstLine: i }
    }
  }
  return { chunks: chunks(), asked: () => asked }
}

test.each([1, 2, 3])('with %d threads every line is written once, in order', async (threads) => {
  let out = ''
  const write = async (bytes: Uint8Array) => void (out += new TextDecoder().decode(bytes))
  const totals = await scoreBatch(lines(200).chunks, plan, version, write, { threads })
  expect(
    out
      .trim()
      .split('\n')
      .map((line) => Number(line.split(',')[0])),
  ).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
  expect(totals).toMatchObject({ rows: 200, faults: 0 })
  expect(totals.labels.reduce((sum, rows) => sum + rows, 0)).toBe(200)
})

test('a slow reader holds the input back: no more is read than a few chunks a thread', async () => {
  const input = lines(1000)
  let written = 0
  const write = async () => {
    written++
    expect(input.asked() - written).toBeLessThanOrEqual(6)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await scoreBatch(input.chunks, plan, version, write, { threads: 2 })
  expect(written).toBe(1000)
})

test('a reader that fails ends the batch', async () => {
  const write = async () => {
    throw new Error('the pipe is closed')
  }
  await expect(scoreBatch(lines(100).chunks, plan, version, write, { threads: 2 })).rejects.toThrow(
    'the pipe is closed',
  )
})

test('a thread that cannot start ends the batch instead of leaving it waiting', async () => {
  const broken = { ...version, artifact: { ...version.artifact, files: {} } }
  await expect(scoreBatch(lines(100).chunks, plan, broken, nothing, { threads: 2 })).rejects.toThrow()
})

test('it stops on request', async () => {
  const stop = new AbortController()
  const write = async () => stop.abort()
  await expect(
    scoreBatch(lines(100).chunks, plan, version, write, { threads: 2, signal: stop.signal }),
  ).rejects.toThrow('abort')
})
