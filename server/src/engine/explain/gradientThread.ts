/** The thread that makes integrated gradients of one model: a run blocks it, never the event loop of the server. */
import { getPriority, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { Fault } from '../../domain/faults.ts'
import { modelBytes } from '../serve/modelBytes.ts'
import type { FromGradientThread, GradientThreadData, ToGradientThread } from './gradientMessages.ts'
import { type GradientExplainer, openGradients } from './integratedGradients.ts'

const port = parentPort
if (port === null) throw new Error('gradientThread.ts runs as a worker thread only')
const { source, maxLength, padId, threads } = workerData as GradientThreadData // its owner starts it, with exactly this
// To explain is never as urgent as to score. Only Linux has a priority for each thread.
if (process.platform === 'linux') setPriority(0, Math.min(19, getPriority(0) + 5))

const answer = (message: FromGradientThread): void => port.postMessage(message)
/** By id, also of texts that wait: ends the work on one at the next run. */
const running = new Map<number, AbortController>()

const opening = openGradients(modelBytes(source), { maxLength, padId, threads })
opening.then(
  ({ labels }) => answer({ kind: 'opened', labels }),
  (error: unknown) => {
    const code = error instanceof Fault ? error.code : 'model_unsupported'
    answer({ kind: 'not-opened', code, why: wordsOf(error) })
    port.close()
  },
)

port.on('message', (message: ToGradientThread) => {
  switch (message.kind) {
    case 'attribute': {
      const stop = new AbortController()
      running.set(message.id, stop)
      return void opening.then(
        (explainer) => attribute(explainer, message, stop.signal),
        () => undefined,
      )
    }
    case 'drop':
      return running.get(message.id)?.abort()
    case 'end':
      return process.exit()
    default:
      message satisfies never
  }
})

async function attribute(
  explainer: GradientExplainer,
  { id, ids, baseline }: Extract<ToGradientThread, { kind: 'attribute' }>,
  signal: AbortSignal,
): Promise<void> {
  try {
    answer({ kind: 'attributed', id, attribution: await explainer.attribute(ids, baseline, signal) })
  } catch (error) {
    answer({ kind: 'not-attributed', id, why: wordsOf(error) })
  } finally {
    running.delete(id)
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
