/** A file scored by a server: batches in the order of the input, a few under way at a time, patient with limits. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { PredictBatchAnswer } from '@barometer/wire'
import type { Block } from '../ingest/files/layout.ts'
import { outputHeader, outputLine, type RowFault, type RowScore } from '../serving/batch/output.ts'
import { addFound, type BatchPlan, type BatchTotals, type Found, nothingFound } from '../serving/batch/plan.ts'
import { type BatchRow, recordsOf } from '../serving/batch/records.ts'
import { foundIn, rowFault } from '../serving/batch/scoreChunk.ts'
import { askJson, type Remote, RemoteFault } from './remote.ts'

/** Well within the server's limits (1,000 items, 32 MiB), and short enough that others are answered in between. */
const ITEMS_MAX = 500
const CHARS_MAX = 1_000_000
const UNDER_WAY = 3
/** A server that is overloaded or starting is asked again; after so many times in a row it is given up. */
const TRIES_MAX = 8
const WAIT_SECONDS_MAX = 60

export interface RemoteBatch {
  readonly remote: Remote
  readonly task: string
  readonly write: (text: string) => Promise<void>
  readonly onProgress: (totals: BatchTotals) => void
  readonly signal: AbortSignal
}

type Result = RowScore | RowFault

export async function scoreRemotely(
  chunks: AsyncIterable<Block>,
  plan: Omit<BatchPlan, 'labels'>,
  batch: RemoteBatch,
): Promise<BatchTotals> {
  let labels: readonly string[] | null = null
  const tally = new Map<string, number>()
  const totals = { rows: 0, faults: 0, textBytes: 0, found: nothingFound }
  const waiting: { rows: readonly BatchRow[]; results: Promise<readonly Result[]> }[] = []
  const finishOldest = async () => {
    const oldest = waiting.shift()
    if (oldest === undefined) return
    const results = await oldest.results
    // The labels are only known from the first answer, and the header names them.
    const first = results.find((result) => 'labels' in result)
    if (labels === null) {
      labels = first !== undefined && 'labels' in first ? (first as LabelledScore).labels : []
      await batch.write(outputHeader({ ...plan, labels }))
    }
    const known = labels
    await batch.write(oldest.rows.map((row, i) => outputLine(row, results[i], { ...plan, labels: known })).join(''))
    for (const [i, result] of results.entries()) {
      totals.rows++
      if (!('label' in result)) totals.faults++
      else {
        totals.textBytes += Buffer.byteLength(oldest.rows[i].text ?? '')
        tally.set(result.label, (tally.get(result.label) ?? 0) + 1)
      }
    }
    batch.onProgress({ ...totals, labels: [...tally.values()] })
  }
  const onFound = (found: Found) => void (totals.found = addFound(totals.found, found))
  for await (const rows of batchesOf(chunks, plan, onFound)) {
    batch.signal.throwIfAborted()
    const results = send(rows, plan.textCharsMax, batch)
    // A failure is met when its turn comes; until then it must not count as unhandled.
    results.catch(() => undefined)
    waiting.push({ rows, results })
    if (waiting.length >= UNDER_WAY) await finishOldest()
  }
  while (waiting.length > 0) await finishOldest()
  if (labels === null) await batch.write(outputHeader({ ...plan, labels: [] }))
  return { ...totals, labels: [...tally.values()] }
}

async function* batchesOf(
  chunks: AsyncIterable<Block>,
  plan: Omit<BatchPlan, 'labels'>,
  onFound: (found: Found) => void,
): AsyncGenerator<BatchRow[]> {
  let rows: BatchRow[] = []
  let chars = 0
  for await (const chunk of chunks) {
    const read = recordsOf(chunk, plan)
    onFound(foundIn(chunk, read))
    for (const row of read.rows) {
      rows.push(row)
      chars += row.text?.length ?? 0
      if (rows.length < ITEMS_MAX && chars < CHARS_MAX) continue
      yield rows
      rows = []
      chars = 0
    }
  }
  if (rows.length > 0) yield rows
}

interface LabelledScore extends RowScore {
  readonly labels: readonly string[]
}

/** One result a row. What the server would refuse anyway is not sent. */
async function send(rows: readonly BatchRow[], textCharsMax: number, batch: RemoteBatch): Promise<readonly Result[]> {
  const faults = rows.map((row) => rowFault(row, textCharsMax))
  const texts = rows.flatMap((row, i) => (faults[i] === null && row.text !== null ? [row.text] : []))
  const answers = texts.length === 0 ? [] : await patiently(texts, batch)
  let next = 0
  return faults.map((fault) => fault ?? resultOf(answers[next++]))
}

function resultOf(answer: PredictBatchAnswer['predictions'][number]): Result {
  if ('error' in answer) return answer.error
  const labels = Object.keys(answer.probabilities ?? {})
  const probabilities = Object.values(answer.probabilities ?? {})
  const score: LabelledScore = { label: answer.label, confidence: answer.confidence, probabilities, labels }
  return score
}

async function patiently(
  texts: readonly string[],
  { remote, task, signal }: RemoteBatch,
): Promise<PredictBatchAnswer['predictions']> {
  for (let tries = 1; ; tries++) {
    try {
      const body = { texts, task, return_probabilities: true }
      return (await askJson<PredictBatchAnswer>(remote, '/predict/batch', { body, signal, timeoutMs: 120_000 }))
        .predictions
    } catch (error) {
      const isFull = error instanceof RemoteFault && (error.status === 429 || error.status === 503)
      if (!isFull || tries >= TRIES_MAX) throw error
      await sleep(Math.min(error.retryAfterSeconds ?? 1, WAIT_SECONDS_MAX) * 1000, undefined, { signal })
    }
  }
}
