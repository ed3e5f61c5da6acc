/** The main thread's end of a SQLite thread. */
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads'
import { ANSWERED, type Answer, ASKED, type Question, type ThreadData, type ThreadError } from './messages.ts'

/** What the thread is started with, but for the way between the threads. */
type Given = Omit<ThreadData, 'port' | 'counters'>

export interface Thread {
  /**
   * @param waitMs The answer is waited for on the spot for so long, which saves a turn of the event loop where it comes
   *   at once; later it comes like any other.
   */
  ask<K extends Answer['kind']>(question: Question, expected: K, waitMs?: number): Promise<Extract<Answer, { kind: K }>>
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
export function startThread(data: Given, heapMib = HEAP_MIB): Thread {
  let running = run(data, heapMib)
  let closed = false

  async function ask<K extends Answer['kind']>(question: Question, expected: K, waitMs = 0) {
    if (closed) throw ended()
    if (running.ended()) running = run(data, heapMib)
    const answer = await running.ask(question, waitMs)
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
  readonly ask: (question: Question, waitMs: number) => Promise<Answer>
  readonly ended: () => boolean
  readonly exited: Promise<void>
}

function run(data: Given, heapMib: typeof HEAP_MIB): Running {
  const { port1: ours, port2: theirs } = new MessageChannel()
  const counters = new Int32Array(new SharedArrayBuffer(8))
  const worker = new Worker(new URL('thread.ts', import.meta.url), {
    workerData: { ...data, port: theirs, counters } satisfies ThreadData,
    transferList: [theirs],
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: heapMib.young, maxOldGenerationSizeMb: heapMib.old },
  })
  const waiting: { resolve(answer: Answer): void; reject(error: unknown): void }[] = []
  let over = false
  const end = () => {
    over = true
    ours.close()
    for (const question of waiting.splice(0)) question.reject(ended())
  }
  const settle = (answer: Answer) => {
    const first = waiting.shift()
    if (answer.kind === 'failed') first?.reject(new SqliteError(answer.error))
    else first?.resolve(answer)
  }
  const take = (): Answer | null => {
    const taken: { message: Answer } | undefined = receiveMessageOnPort(ours) // thread.ts sends no other
    return taken?.message ?? null
  }
  ours.on('message', settle)
  worker.on('error', end)
  const exited = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      // Its last answers may still be on their way.
      for (let left = take(); left !== null; left = take()) settle(left)
      end()
      resolve()
    })
  })
  return {
    ask: (question, waitMs) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject })
        const answered = Atomics.load(counters, ANSWERED)
        ours.postMessage(question)
        Atomics.add(counters, ASKED, 1)
        Atomics.notify(counters, ASKED)
        if (waitMs === 0 || waiting.length > 1) return
        if (Atomics.wait(counters, ANSWERED, answered, waitMs) === 'timed-out') return
        const answer = take()
        if (answer !== null) settle(answer)
      }),
    ended: () => over,
    exited,
  }
}

function ended(): SqliteError {
  return new SqliteError({ name: THREAD_ENDED, message: 'The SQLite thread has ended.', code: null })
}
