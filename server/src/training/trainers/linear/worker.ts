/** A thread of the pool: runs operations one after another and answers each. */
import { parentPort } from 'node:worker_threads'
import { type Operations, poolWorker } from './operations.ts'

const self = poolWorker()
parentPort?.on('message', ({ name, argument }: { name: keyof Operations; argument: never }) => {
  try {
    parentPort?.postMessage({ answer: self.run(name, argument) })
  } catch (error) {
    parentPort?.postMessage({ error })
  }
})
