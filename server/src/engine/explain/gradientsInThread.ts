/**
 * Integrated gradients in a thread of their own, which exists only while explanations are asked for: it starts with the first text,
 * and ends, with the memory of its weights, a minute after the last.
 */
import { Fault } from '../../domain/faults.ts'
import type { ScoreOptions } from '../../models/textModel.ts'
import { startWorker, WorkerEnded, WorkerError, type WorkerThread } from '../../platform/worker.ts'
import type { GradientOperations, GradientThreadData } from './gradientThread.ts'
import type { Attribution } from './integratedGradients.ts'

export interface ThreadedGradients {
  /** Rejects with `explain_unsupported` where the model has no gradients, and at once where too many wait. */
  attribute(ids: Int32Array, baseline: Int32Array, options: ScoreOptions): Promise<Attribution>
  close(): Promise<void>
}

/** Texts under way or waiting; a person reads one explanation at a time. */
const WAITING_MAX = 8
const IDLE_MS = 60_000
/** How often an explanation under way is checked for a caller that is gone: a page asks anew at each key. */
const ABANDONED_CHECK_MS = 100

export function gradientsInThread(data: GradientThreadData, idleMs = IDLE_MS): ThreadedGradients {
  let thread: WorkerThread<GradientOperations> | null = null
  let idle: NodeJS.Timeout | undefined
  /** Ends what waits when this closes. */
  const closing = new AbortController()

  function start(): WorkerThread<GradientOperations> {
    const options = { name: 'The thread that explains', workerData: data }
    return startWorker(new URL('./gradientThread.ts', import.meta.url), options)
  }

  /** What waits is answered first: ONNX Runtime takes the whole process with it when its thread is ended within a run. */
  async function stop(): Promise<void> {
    clearTimeout(idle)
    if (thread === null || thread.ended !== null) return
    const stopped = thread
    thread = null
    await stopped.close()
  }

  return {
    async attribute(ids, baseline, { deadlineMs, isAbandoned }) {
      closing.signal.throwIfAborted()
      // A thread that ended by itself is started again; a model that has no gradients will not have any later.
      if (thread === null || (thread.ended !== null && !(thread.ended.cause instanceof Fault))) thread = start()
      const asked = thread
      if (asked.waiting >= WAITING_MAX)
        throw new Fault('queue_full', { say: `${WAITING_MAX} texts wait to be explained.`, retryAfterSeconds: 2 })
      clearTimeout(idle)
      const left = new AbortController()
      const check = setInterval(() => isAbandoned?.() && left.abort(new Fault('caller_left')), ABANDONED_CHECK_MS)
      try {
        const signal = AbortSignal.any([left.signal, closing.signal])
        return await asked.call('attribute', { ids, baseline }, { signal, deadlineMs })
      } catch (error) {
        throw faultOf(error)
      } finally {
        clearInterval(check)
        if (asked.waiting === 0) idle = setTimeout(() => void stop(), idleMs).unref()
      }
    },
    async close() {
      closing.abort(new Fault('stopping'))
      await stop()
    },
  }
}

function faultOf(cause: unknown): unknown {
  if (cause instanceof WorkerError)
    return new Fault('scoring_failed', { say: `The text was not explained: ${cause.message}`, cause })
  return cause instanceof WorkerEnded ? new Fault('scoring_failed', { say: cause.message, cause }) : cause
}
