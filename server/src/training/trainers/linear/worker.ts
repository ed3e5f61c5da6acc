/** A thread of the pool (workerPool.ts): runs operations one after another. */
import { offer } from '../../../platform/workerThread.ts'
import { type Operations, poolWorker } from './operations.ts'

interface Asked {
  readonly name: keyof Operations
  readonly argument: unknown
}

const self = poolWorker()

export const offered = {
  run: ({ name, argument }: Asked) => self.run(name, argument as never), // the pool's types belong together
}

offer(offered)
