/** The main thread's end of a SQLite thread. */
import { Worker } from 'node:worker_threads'
import type { Answer, Question, ThreadData, ThreadError } from './messages.ts'

export interface Thread {
  ask<K extends Answer['kind']>(question: Question, expected: K): Promise<Extract<Answer, { kind: K }>>
  /** Answers what was asked, then ends. */
  close(): Promise<void>
}

/** An error that happened in the thread. */
export class SqliteError extends Error {
  readonly code: number | null
  readonly origin: string

  constructor(error: ThreadError) {
    super(error.message)
    this.name = 'SqliteError'
    this.code = error.code
    this.origin = error.name
  }
}

/** Origin of the error of a thread that ended before it answered. */
export const THREAD_ENDED = 'ThreadEnded'

/** The thread's own heap at most: a commit of the longest texts is some 100 MiB for a moment. SQLite's page cache lies outside. */
const HEAP_MIB = { young: 4, old: 512 }

/** A thread that ends by itself (out of memory) takes its questions with it; the next question starts another. */
export function startThread(data: ThreadData, heapMib = HEAP_MIB): Thread {
  let running = run(data, heapMib)
  let closed = false

  async function ask<K extends Answer['kind']>(question: Question, expected: K) {
    if (closed) throw ended()
    if (running.ended()) running = run(data, heapMib)
    const answer = await running.ask(question)
    if (answer.kind !== expected) throw new Error(`The SQLite thread answered ${answer.kind} for ${expected}.`)
    return answer as Extract<Answer, { kind: K }> // by its kind, just checked
  }

  return {
    ask,
    async close() {
      if (closed) return
      const last = running
      if (!last.ended()) await ask({ kind: 'close' }, 'closed')
      closed = true
      await last.exited
    },
  }
}

interface Running {
  readonly ask: (question: Question) => Promise<Answer>
  readonly ended: () => boolean
  readonly exited: Promise<void>
}

function run(data: ThreadData, heapMib: typeof HEAP_MIB): Running {
  const worker = new Worker(new URL('thread.ts', import.meta.url), {
    workerData: data,
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: heapMib.young, maxOldGenerationSizeMb: heapMib.old },
  })
  const waiting: { resolve(answer: Answer): void; reject(error: unknown): void }[] = []
  let over = false
  const end = () => {
    over = true
    for (const question of waiting.splice(0)) question.reject(ended())
  }
  worker.on('message', (answer: Answer) => {
    const first = waiting.shift()
    if (answer.kind === 'failed') first?.reject(new SqliteError(answer.error))
    else first?.resolve(answer)
  })
  worker.on('error', end)
  const exited = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      end()
      resolve()
    })
  })
  return {
    ask: (question) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject })
        worker.postMessage(question)
      }),
    ended: () => over,
    exited,
  }
}

function ended(): SqliteError {
  return new SqliteError({ name: THREAD_ENDED, message: 'The SQLite thread has ended.', code: null })
}
