/** Scores a stream of records on all cores; the answers come in the order of the input, in constant memory. */
import type { Block } from '../../ingest/files/layout.ts'
import { type AnyTextModel, isQueued } from '../../models/textModel.ts'
import { startWorker } from '../../platform/worker.ts'
import type { Artifact } from '../../versions/artifacts/artifact.ts'
import type { offered, WorkerTask } from './batchWorker.ts'
import { addFound, type BatchPlan, type BatchTotals, nothingFound, type ScoredChunk } from './plan.ts'
import { scoreChunk, scoreChunkQueued } from './scoreChunk.ts'

/** A proven version and its model. */
export interface BatchModel {
  readonly artifact: Artifact
  readonly model: AnyTextModel
}

export interface BatchOptions {
  /** Threads in all, this one among them; the others are started when there is more than one chunk. */
  readonly threads: number
  /** True where many chunks are known to come: the others start before the first chunk is scored, not after it. */
  readonly isLong?: boolean
  readonly onProgress?: (totals: BatchTotals) => void
  readonly signal?: AbortSignal
}

/** A thread has one chunk in work and one that waits, so that it never waits itself. */
const CHUNKS_PER_WORKER = 2

/**
 * A chunk's output is written as soon as it is scored and all before it are written, so a live input has a live output.
 *
 * @param write takes the output of one chunk; the next one follows when it is done, so a slow reader slows the batch.
 * @returns the totals over all chunks.
 */
export async function scoreBatch(
  chunks: AsyncIterable<Block>,
  plan: BatchPlan,
  version: BatchModel,
  write: (bytes: Uint8Array) => Promise<void>,
  { threads, isLong = false, onProgress, signal }: BatchOptions,
): Promise<BatchTotals> {
  let totals: BatchTotals = { rows: 0, faults: 0, textBytes: 0, labels: plan.labels.map(() => 0), found: nothingFound }
  let pool: Pool | null = null
  let written: Promise<void> = Promise.resolve()
  const underWay: Promise<void>[] = []
  const inTurn = async (before: Promise<void>, scored: Promise<ScoredChunk>) => {
    await before
    const chunk = await scored
    await write(chunk.bytes)
    totals = added(totals, chunk)
    onProgress?.(totals)
  }
  try {
    let isFirst = true
    for await (const chunk of chunks) {
      signal?.throwIfAborted()
      if ((isLong || !isFirst) && threads > 1 && !isQueued(version.model))
        pool ??= startPool(threads - 1, { artifact: version.artifact, plan })
      // While the others start, this thread has its hands free.
      const elsewhere = isFirst ? null : (pool?.score(chunk) ?? null)
      isFirst = false
      const scored = elsewhere ?? scoreHere(chunk, plan, version.model)
      written = inTurn(written, scored)
      // A failure is met when its turn comes below; until then it must not count as unhandled.
      scored.catch(() => undefined)
      written.catch(() => undefined)
      underWay.push(written)
      if (underWay.length > threads * CHUNKS_PER_WORKER) await underWay.shift()
      // What the threads have answered is written before the next chunk keeps this one busy.
      await new Promise(setImmediate)
    }
    await written
  } finally {
    await pool?.close()
  }
  return totals
}

async function scoreHere(chunk: Block, plan: BatchPlan, model: AnyTextModel): Promise<ScoredChunk> {
  return isQueued(model) ? await scoreChunkQueued(chunk, plan, model) : scoreChunk(chunk, plan, model)
}

function added(totals: BatchTotals, scored: ScoredChunk): BatchTotals {
  return {
    rows: totals.rows + scored.rows,
    faults: totals.faults + scored.faults,
    textBytes: totals.textBytes + scored.textBytes,
    found: addFound(totals.found, scored.found),
    labels: totals.labels.map((count, i) => count + scored.labels[i]),
  }
}

interface Pool {
  /** Null where all threads have enough to do. */
  score(chunk: Block): Promise<ScoredChunk> | null
  close(): Promise<void>
}

/** A chunk goes to the thread that has the fewest; a thread answers in the order in which it was asked. */
function startPool(size: number, task: WorkerTask): Pool {
  const threads = Array.from({ length: size }, () =>
    startWorker<typeof offered>(new URL('./batchWorker.ts', import.meta.url), {
      name: 'A thread of the batch',
      workerData: task,
    }),
  )
  return {
    score(chunk) {
      const thread = threads.reduce((least, one) => (one.waiting < least.waiting ? one : least))
      if (thread.waiting >= CHUNKS_PER_WORKER) return null
      return thread.call('score', chunk, { transfer: [chunk.bytes.buffer] })
    },
    async close() {
      await Promise.all(threads.map((thread) => thread.terminate()))
    },
  }
}
