/**
 * Integrated gradients in a thread of their own, which exists only while explanations are asked for: it starts with the first text,
 * and ends, with the memory of its weights, a minute after the last.
 */
import { Worker } from 'node:worker_threads'
import { Fault } from '../../domain/faults.ts'
import type { ScoreOptions } from '../../models/textModel.ts'
import type { FromGradientThread, GradientThreadData, ToGradientThread } from './gradientMessages.ts'
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

interface Asked {
  readonly resolve: (attribution: Attribution) => void
  readonly reject: (fault: Fault) => void
  readonly timer: NodeJS.Timeout
  readonly watch: NodeJS.Timeout
}

export function gradientsInThread(data: GradientThreadData, idleMs = IDLE_MS): ThreadedGradients {
  const waiting = new Map<number, Asked>()
  let worker: Worker | null = null
  let idle: NodeJS.Timeout | null = null
  let next = 1
  /** Why the model has none; it will not have any later. */
  let never: Fault | null = null

  function start(): Worker {
    const started = new Worker(new URL('./gradientThread.ts', import.meta.url), { workerData: data })
    started.on('message', (message: FromGradientThread) => {
      if (worker === started) heard(message)
    })
    started.on('error', () => undefined) // `exit` follows, and settles what waits
    started.on('exit', () => {
      if (worker !== started) return
      worker = null
      refuseAll(never ?? new Fault('scoring_failed', { say: 'The thread that explains has ended.' }))
    })
    return started
  }

  function heard(message: FromGradientThread): void {
    switch (message.kind) {
      case 'opened':
        return
      case 'not-opened':
        never = new Fault('explain_unsupported', { say: `${message.why} Ask for the method occlusion.` })
        refuseAll(never)
        return
      case 'attributed':
        settle(message.id)?.resolve(message.attribution)
        return
      case 'not-attributed':
        settle(message.id)?.reject(new Fault('scoring_failed', { say: `The text was not explained: ${message.why}` }))
        return
      default:
        message satisfies never
    }
  }

  function settle(id: number): Asked | undefined {
    const asked = waiting.get(id)
    if (asked === undefined) return undefined
    clearTimeout(asked.timer)
    clearInterval(asked.watch)
    waiting.delete(id)
    if (waiting.size === 0) idle = setTimeout(() => void stop(), idleMs).unref()
    return asked
  }

  function refuseAll(fault: Fault): void {
    for (const id of waiting.keys()) settle(id)?.reject(fault)
  }

  /** Asked to end, never cut off: ONNX Runtime takes the whole process with it when its thread is ended within a run. */
  async function stop(): Promise<void> {
    const stopped = worker
    worker = null
    if (stopped === null) return
    const ended = new Promise((resolve) => stopped.once('exit', resolve))
    stopped.postMessage({ kind: 'end' } satisfies ToGradientThread)
    await ended
  }

  return {
    attribute(ids, baseline, { deadlineMs, isAbandoned }) {
      if (never !== null) return Promise.reject(never)
      if (waiting.size >= WAITING_MAX)
        return Promise.reject(
          new Fault('queue_full', { say: `${WAITING_MAX} texts wait to be explained.`, retryAfterSeconds: 2 }),
        )
      if (idle !== null) clearTimeout(idle)
      worker ??= start()
      const id = next++
      const tell = (message: ToGradientThread) => worker?.postMessage(message)
      return new Promise((resolve, reject) => {
        const drop = (fault: Fault): void => {
          tell({ kind: 'drop', id })
          settle(id)?.reject(fault)
        }
        const timer = setTimeout(
          () => drop(new Fault('timeout', { say: 'To explain the text took too long.', retryAfterSeconds: 1 })),
          deadlineMs,
        )
        const watch = setInterval(() => {
          if (isAbandoned?.()) drop(new Fault('caller_left'))
        }, ABANDONED_CHECK_MS)
        waiting.set(id, { resolve, reject, timer, watch })
        tell({ kind: 'attribute', id, ids, baseline })
      })
    },
    async close() {
      refuseAll(new Fault('stopping'))
      if (idle !== null) clearTimeout(idle)
      await stop()
    },
  }
}
