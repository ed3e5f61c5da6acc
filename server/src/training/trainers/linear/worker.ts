/** A thread of the crew: runs operations one after another and answers each. */
import { parentPort } from 'node:worker_threads'
import { member, type Operations } from './operations.ts'

const self = member()
parentPort?.on('message', ({ name, argument }: { name: keyof Operations; argument: never }) => {
  try {
    parentPort?.postMessage({ answer: self.run(name, argument) })
  } catch (error) {
    parentPort?.postMessage({ error })
  }
})
