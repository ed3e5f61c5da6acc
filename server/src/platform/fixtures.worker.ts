/** The thread of worker.test.ts. */

import { setTimeout as delay } from 'node:timers/promises'
import { workerData } from 'node:worker_threads'
import { Fault } from '../domain/faults.ts'
import { offer, Transferred } from './workerThread.ts'

export type Given = 'nothing' | 'a late start' | 'no start' | 'a fault at the start' | 'an error at once'

const given = workerData as Given
let cancelled = 0

export const operations = {
  double: (value: number) => value * 2,
  late: async ({ value, ms }: { value: number; ms: number }) => {
    await delay(ms)
    return value
  },
  /** Ends early where its caller leaves. */
  patient: async (ms: number, { signal }: { signal: AbortSignal }) => {
    await delay(ms, undefined, { signal }).catch(() => cancelled++)
    return 'done'
  },
  cancelled: () => cancelled,
  bytes: (length: number) => {
    const bytes = new Uint8Array(length).fill(7)
    return new Transferred({ bytes }, [bytes.buffer])
  },
  fail: (message: string) => {
    throw Object.assign(new RangeError(message), { errcode: 13 })
  },
  fault: () => {
    throw new Fault('queue_full', { say: 'There is no room.', retryAfterSeconds: 3 })
  },
  uncloneable: () => () => 'a function cannot be sent',
  crash: () => {
    setImmediate(() => {
      throw new Error('out of luck')
    })
    return new Promise(() => undefined)
  },
  exit: (code: number) => process.exit(code),
  exhaust: () => {
    const kept: number[][] = []
    for (;;) kept.push(new Array(100_000).fill(1.5))
  },
}

if (given === 'an error at once') throw new Error('no such file')
offer(
  given === 'a late start'
    ? delay(50).then(() => operations)
    : given === 'no start'
      ? Promise.reject(new Error('the model is broken'))
      : given === 'a fault at the start'
        ? Promise.reject(new Fault('artifact_broken', { say: 'A file has changed.' }))
        : operations,
)
