/** One thread of a batch: loads the version itself, then scores the chunks that it is sent, one after another. */
import { parentPort, workerData } from 'node:worker_threads'
import { loadArtifact } from '../artifacts/loadArtifact.ts'
import type { BatchPlan, Chunk, ScoredChunk } from './plan.ts'
import { scoreChunk } from './scoreChunk.ts'

export interface WorkerTask {
  readonly folder: string
  readonly digest: string
  readonly plan: BatchPlan
}

export type WorkerAnswer = { readonly scored: ScoredChunk } | { readonly failed: string }

const { folder, digest, plan } = workerData as WorkerTask // scoreBatch.ts starts this thread, with exactly this
const port = parentPort
if (port === null) throw new Error('batchWorker.ts runs as a worker thread only')

const { model } = await loadArtifact(folder, { digest })
port.on('message', (chunk: Chunk) => {
  const answer = answerTo(chunk)
  port.postMessage(answer, 'scored' in answer ? [answer.scored.bytes.buffer] : [])
})

function answerTo(chunk: Chunk): WorkerAnswer {
  try {
    return { scored: scoreChunk(chunk, plan, model) }
  } catch (error) {
    return { failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}
