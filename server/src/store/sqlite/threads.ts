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

/** The thread's own heap; SQLite's page cache lies outside and has its own limit. */
const HEAP_MIB = { young: 4, old: 64 }

export function startThread(data: ThreadData): Thread {
  const worker = new Worker(new URL('thread.ts', import.meta.url), {
    workerData: data,
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: HEAP_MIB.young, maxOldGenerationSizeMb: HEAP_MIB.old },
  })
  const waiting: { resolve(answer: Answer): void; reject(error: unknown): void }[] = []
  let ended: Error | null = null
  worker.on('message', (answer: Answer) => {
    const first = waiting.shift()
    if (answer.kind === 'failed') first?.reject(new SqliteError(answer.error))
    else first?.resolve(answer)
  })
  const end = (error: Error) => {
    ended ??= error
    for (const question of waiting.splice(0)) question.reject(error)
  }
  worker.on('error', end)
  worker.on('exit', () => end(new Error('The SQLite thread has ended.')))

  async function ask<K extends Answer['kind']>(question: Question, expected: K) {
    if (ended !== null) throw ended
    const answer = await new Promise<Answer>((resolve, reject) => {
      waiting.push({ resolve, reject })
      worker.postMessage(question)
    })
    if (answer.kind !== expected) throw new Error(`The SQLite thread answered ${answer.kind} for ${expected}.`)
    return answer as Extract<Answer, { kind: K }> // by its kind, just checked
  }

  return {
    ask,
    async close() {
      if (ended !== null) return
      const exited = new Promise((resolve) => worker.once('exit', resolve))
      await ask({ kind: 'close' }, 'closed')
      await exited
    },
  }
}
