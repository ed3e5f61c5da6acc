/** The thread that makes integrated gradients of one model: a run blocks it, never the event loop of the server. */
import { workerData } from 'node:worker_threads'
import { Fault } from '../../domain/faults.ts'
import { type Call, lowerPriority, offer } from '../../platform/workerThread.ts'
import type { ModelSource } from '../serve/messages.ts'
import { modelBytes } from '../serve/modelBytes.ts'
import { type Attribution, type GradientExplainer, openGradients } from './integratedGradients.ts'

export interface GradientThreadData {
  readonly source: ModelSource
  readonly maxLength: number
  readonly padId: number
  /** That share each operator. */
  readonly threads: number
}

interface Asked {
  readonly ids: Int32Array
  readonly baseline: Int32Array
}

export type GradientOperations = Awaited<typeof opening>

const { source, maxLength, padId, threads } = workerData as GradientThreadData // its owner starts it, with exactly this
// To explain is never as urgent as to score.
lowerPriority(5)

const opening = openGradients(modelBytes(source), { maxLength, padId, threads }).then(offered, (cause: unknown) => {
  const why = cause instanceof Error ? cause.message : String(cause)
  throw new Fault('explain_unsupported', { say: `${why} Ask for the method occlusion.` })
})
offer(opening)

function offered(explainer: GradientExplainer) {
  return {
    attribute: ({ ids, baseline }: Asked, { signal }: Call): Promise<Attribution> =>
      explainer.attribute(ids, baseline, signal),
  }
}
