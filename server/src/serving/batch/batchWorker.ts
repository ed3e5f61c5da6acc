/**
 * One thread of a batch: makes the model of a version that was proven already, then scores the chunks that it is sent,
 * one after another. It imports no more than that, since every thread pays for it again.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { Artifact } from '../../versions/artifacts/artifact.ts'
import { decodeArtifact } from '../../versions/artifacts/loadArtifact.ts'
import type { BatchPlan, Chunk, ScoredChunk } from './plan.ts'
import { scoreChunk } from './scoreChunk.ts'

export interface WorkerTask {
  readonly artifact: Artifact
  readonly plan: BatchPlan
}

export type WorkerAnswer = { readonly scored: ScoredChunk } | { readonly failed: string }

const { artifact, plan } = workerData as WorkerTask // scoreBatch.ts starts this thread, with exactly this
const port = parentPort
if (port === null) throw new Error('batchWorker.ts runs as a worker thread only')

const { model } = decodeArtifact(artifact)
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
