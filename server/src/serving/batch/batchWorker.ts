/**
 * One thread of a batch: makes the model of a version that was proven already, then scores the chunks that it is sent,
 * one after another. It imports no more than that, since every thread pays for it again.
 */
import { workerData } from 'node:worker_threads'
import type { Block } from '../../ingest/files/layout.ts'
import { offer, Transferred } from '../../platform/workerThread.ts'
import type { Artifact } from '../../versions/artifacts/artifact.ts'
import { decodeArtifact } from '../../versions/artifacts/loadArtifact.ts'
import type { BatchPlan } from './plan.ts'
import { scoreChunk } from './scoreChunk.ts'

export interface WorkerTask {
  readonly artifact: Artifact
  readonly plan: BatchPlan
}

const { artifact, plan } = workerData as WorkerTask // scoreBatch.ts starts this thread, with exactly this
const { model } = decodeArtifact(artifact)

export const offered = {
  score(chunk: Block) {
    const scored = scoreChunk(chunk, plan, model)
    return new Transferred(scored, [scored.bytes.buffer])
  },
}

offer(offered)
