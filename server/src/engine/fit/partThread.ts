/** The thread of one part of a split learner: waits, runs its session on the shared memory, says so, waits again. */
import { workerData } from 'node:worker_threads'
import { tellReady } from '../../platform/workerThread.ts'
import { openSession } from '../session.ts'
import { ASKED, CLOSED, DONE, type PartData, type PartTensor, partTensor } from './part.ts'

const { model, options, inputs, outputs, memory, control } = workerData as PartData // startPart wrote it
const session = await openSession(model, options)
const tensors = (of: readonly PartTensor[]) =>
  Object.fromEntries(of.map((tensor) => [tensor.name, partTensor(memory, tensor)]))
const [fed, fetched] = [tensors(inputs), tensors(outputs)]
tellReady()
for (let turn = 1; ; turn++) {
  // This thread has nothing else to do: it blocks until there is work.
  Atomics.wait(control, ASKED, turn - 1)
  if (Atomics.load(control, ASKED) === CLOSED) break
  await session.run(fed, fetched)
  Atomics.store(control, DONE, turn)
  Atomics.notify(control, DONE)
}
await session.close()
