/**
 * Starts a worker thread and calls what it offers (workerThread.ts is its end).
 *
 *   const thread = startWorker<typeof operations>(new URL('./some.ts', import.meta.url), { name: 'The scoring thread' })
 *   const answer = await thread.call('score', texts, { signal })
 *
 * Calls are answered in their order, one at a time. A thread that ends, whatever ends it (an error, the memory it may
 * have, an answer that cannot be read), rejects every call that waits, and all later ones, with the reason. It is not
 * started again: who owns it knows whether that would help.
 */
import { type Transferable, Worker, type WorkerOptions } from 'node:worker_threads'
import { Fault, type FaultCode, faults } from '../domain/faults.ts'
import type { FromWorker, SentError, ToWorker } from './workerMessages.ts'
import type { AnswerOf, ArgumentOf, Operations } from './workerThread.ts'

export interface WorkerThread<O extends Operations> {
  /** Resolves once the thread offers its operations; rejects with the reason where it cannot. Calls need not wait for it. */
  readonly ready: Promise<void>
  /** Calls that wait for their answer. */
  readonly waiting: number
  /** Why it ended; null while it lives. */
  readonly ended: WorkerEnded | null
  /** Resolves with the reason when the thread is gone. */
  readonly exited: Promise<WorkerEnded>
  call<N extends keyof O & string>(name: N, argument: ArgumentOf<O[N]>, options?: CallOptions): Promise<AnswerOf<O[N]>>
  /** The thread answers what was asked before, then ends. */
  close(): Promise<void>
  /** Ends it at once, within whatever it does. Never of a thread that runs ONNX Runtime: the process would end with it. */
  terminate(): Promise<void>
}

export interface StartOptions extends Pick<WorkerOptions, 'workerData' | 'resourceLimits' | 'execArgv'> {
  /** How errors call it: “The thread that explains”. */
  readonly name: string
}

export interface CallOptions {
  /** Memory of the argument that is handed over instead of copied. */
  readonly transfer?: Transferable[]
  /** Rejects the call with the signal's reason; the worker drops it, or is told so where it is at work on it. */
  readonly signal?: AbortSignal
  /** Rejects the call with the fault `timeout` after so long. */
  readonly deadlineMs?: number
}

/** The thread is gone, and with it the answer. */
export class WorkerEnded extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'WorkerEnded'
  }
}

/** An error that an operation threw in the thread. A Fault arrives as a Fault instead. */
export class WorkerError extends Error {
  /** Class of the error in the thread. */
  readonly origin: string
  readonly fields: SentError['fields']

  constructor({ name, message, stack, fields }: SentError) {
    super(message)
    this.name = 'WorkerError'
    this.origin = name
    this.fields = fields
    // Where it happened says more than where it was received.
    if (stack !== undefined) this.stack = stack
  }
}

interface Waiting {
  readonly resolve: (answer: never) => void
  readonly reject: (reason: unknown) => void
  /** Ends the watch on the deadline and the signal. */
  readonly settled: (() => void) | null
}

export function startWorker<O extends Operations>(file: URL, { name, ...options }: StartOptions): WorkerThread<O> {
  const worker = new Worker(file, options)
  const waiting = new Map<number, Waiting>()
  const ready = Promise.withResolvers<void>()
  ready.promise.catch(() => undefined) // who does not wait for it learns the reason from its calls
  const exited = Promise.withResolvers<WorkerEnded>()
  let ended: WorkerEnded | null = null
  let next = 1

  const send = (message: ToWorker, transfer: Transferable[] = []): void => worker.postMessage(message, transfer)

  function take(id: number): Waiting | undefined {
    const one = waiting.get(id)
    waiting.delete(id)
    one?.settled?.()
    return one
  }

  /** Nothing will be answered any more. The first reason is the one that counts. */
  function end(reason: WorkerEnded | Fault): void {
    ended ??= reason instanceof WorkerEnded ? reason : new WorkerEnded(reason.message, { cause: reason })
    ready.reject(reason)
    for (const id of waiting.keys()) take(id)?.reject(reason)
  }

  worker.on('message', (message: FromWorker) => {
    switch (message.kind) {
      case 'answer':
        take(message.id)?.resolve(message.answer as never) // `call` types it by the operation
        return
      case 'failed':
        take(message.id)?.reject(received(message.error))
        return
      case 'ready':
        ready.resolve()
        return
      case 'not-ready': {
        const why = received(message.error)
        end(why instanceof Fault ? why : new WorkerEnded(`${name} could not start: ${why.message}`, { cause: why }))
        return
      }
      default:
        message satisfies never
    }
  })
  worker.on('messageerror', (error) => {
    // Whose answer it was cannot be told, so no call may go on waiting.
    end(new WorkerEnded(`${name} gave an answer that cannot be read: ${error.message}`, { cause: error }))
    send({ kind: 'end' })
  })
  worker.on('error', (error: unknown) => {
    const why = error instanceof Error ? error.message : String(error)
    end(new WorkerEnded(`${name} has ended: ${why}`, { cause: error }))
  })
  worker.on('exit', (code) => {
    end(new WorkerEnded(code === 0 ? `${name} has ended.` : `${name} has ended with exit code ${code}.`))
    if (ended !== null) exited.resolve(ended)
  })

  function call<N extends keyof O & string>(
    operation: N,
    argument: ArgumentOf<O[N]>,
    { transfer, signal, deadlineMs }: CallOptions = {},
  ): Promise<AnswerOf<O[N]>> {
    if (ended !== null) return Promise.reject(ended.cause instanceof Fault ? ended.cause : ended)
    if (signal?.aborted) return Promise.reject(signal.reason)
    const id = next++
    return new Promise((resolve, reject) => {
      // First, since it throws where the argument cannot be sent.
      send({ kind: 'call', id, name: operation, argument }, transfer)
      const cancel = (reason: unknown): void => {
        take(id)?.reject(reason)
        send({ kind: 'cancel', id })
      }
      waiting.set(id, { resolve, reject, settled: watch(name, signal, deadlineMs, cancel) })
    })
  }

  return {
    ready: ready.promise,
    exited: exited.promise,
    get waiting() {
      return waiting.size
    },
    get ended() {
      return ended
    },
    call,
    async close() {
      if (ended === null) send({ kind: 'end' })
      await exited.promise
    },
    async terminate() {
      end(new WorkerEnded(`${name} was ended.`))
      await worker.terminate()
    },
  }
}

/** @returns what ends the watch; null where there is nothing to watch, as in most calls. */
function watch(
  name: string,
  signal: AbortSignal | undefined,
  deadlineMs: number | undefined,
  cancel: (reason: unknown) => void,
): (() => void) | null {
  if (signal === undefined && deadlineMs === undefined) return null
  const abort = (): void => cancel(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  const timer =
    deadlineMs === undefined
      ? undefined
      : setTimeout(
          () => cancel(new Fault('timeout', { say: `${name} took too long.`, retryAfterSeconds: 1 })),
          deadlineMs,
        )
  return () => {
    signal?.removeEventListener('abort', abort)
    clearTimeout(timer)
  }
}

function received(sent: SentError): Fault | WorkerError {
  const { code, retryAfterSeconds } = sent.fields
  if (sent.name !== 'Fault' || !isFaultCode(code)) return new WorkerError(sent)
  return new Fault(code, {
    say: sent.message,
    ...(typeof retryAfterSeconds === 'number' ? { retryAfterSeconds } : {}),
  })
}

function isFaultCode(code: unknown): code is FaultCode {
  return typeof code === 'string' && Object.hasOwn(faults, code)
}
