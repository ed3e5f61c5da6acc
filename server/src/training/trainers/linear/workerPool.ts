/** The threads that share the work of a training run. With one worker everything runs here, without a thread. */
import { Worker } from 'node:worker_threads'
import { type Operations, type PoolWorker, poolWorker } from './operations.ts'

type Name = keyof Operations
type Argument<N extends Name> = Parameters<Operations[N]>[1]
type Answer<N extends Name> = ReturnType<Operations[N]>

export interface WorkerPool {
  readonly workers: number
  /** One call on one worker. Calls on a worker are answered in order. */
  call<N extends Name>(worker: number, name: N, argument: Argument<N>): Promise<Answer<N>>
  /** The same operation on every worker at once. */
  all<N extends Name>(name: N, argument: (worker: number) => Argument<N>): Promise<Answer<N>[]>
  close(): Promise<void>
}

export function workerPool(workers: number): WorkerPool {
  return workers <= 1 ? singleWorker() : threads(workers)
}

function singleWorker(): WorkerPool {
  const self: PoolWorker = poolWorker()
  const call: WorkerPool['call'] = async (_worker, name, argument) => self.run(name, argument)
  return { workers: 1, call, all: async (name, argument) => [await call(0, name, argument(0))], close: async () => {} }
}

interface Pending {
  resolve(value: unknown): void
  reject(reason: Error): void
}

function threads(workers: number): WorkerPool {
  const pool = Array.from({ length: workers }, () => {
    const pending: Pending[] = []
    const worker = new Worker(new URL('./worker.ts', import.meta.url))
    worker.on('message', (message: { answer?: unknown; error?: Error }) => {
      const next = pending.shift()
      if (message.error === undefined) next?.resolve(message.answer)
      else next?.reject(message.error)
    })
    const fail = (error: Error): void => {
      for (const waiting of pending.splice(0)) waiting.reject(error)
    }
    worker.on('error', fail)
    worker.on('exit', () => fail(new Error('a training worker stopped before its work was done')))
    return { worker, pending }
  })
  const call: WorkerPool['call'] = (worker, name, argument) =>
    new Promise((resolve, reject) => {
      // The worker answers `name` with what that operation returns; the message itself does not carry the type.
      pool[worker].pending.push({ resolve, reject })
      pool[worker].worker.postMessage({ name, argument })
    })
  return {
    workers,
    call,
    all: (name, argument) => Promise.all(pool.map((_, worker) => call(worker, name, argument(worker)))),
    close: async () => {
      await Promise.all(pool.map(({ worker }) => worker.terminate()))
    },
  }
}
