/** The threads that share the work of a training run. With one worker everything runs here, without a thread. */
import { startWorker } from '../../../platform/worker.ts'
import { type Operations, type PoolWorker, poolWorker } from './operations.ts'
import type { offered } from './worker.ts'

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

function threads(workers: number): WorkerPool {
  const pool = Array.from({ length: workers }, () =>
    startWorker<typeof offered>(new URL('./worker.ts', import.meta.url), { name: 'A thread of the training' }),
  )
  const call = <N extends Name>(worker: number, name: N, argument: Argument<N>): Promise<Answer<N>> =>
    // The thread answers `name` with what that operation returns; `run` is typed by all of them.
    pool[worker].call('run', { name, argument }) as Promise<Answer<N>>
  return {
    workers,
    call,
    all: (name, argument) => Promise.all(pool.map((_, worker) => call(worker, name, argument(worker)))),
    close: async () => {
      await Promise.all(pool.map((thread) => thread.terminate()))
    },
  }
}
