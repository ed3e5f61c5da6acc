/** A worker thread's own end: it offers operations to the owner that started it (worker.ts). */
import { getPriority, setPriority } from 'node:os'
import { parentPort, type Transferable } from 'node:worker_threads'
import type { FromWorker, SentError, ToWorker } from './workerMessages.ts'

/** What a worker offers, by name. Arguments and answers are what structured cloning takes. */
export type Operations = Readonly<Record<string, (argument: never, call: Call) => unknown>>

/** What an operation may ask about the call that it answers. */
export interface Call {
  /** Aborted once its caller does not want the answer any more; an operation that runs long looks at it. */
  readonly signal: AbortSignal
}

export type ArgumentOf<F extends Operations[string]> = Parameters<F>[0]
export type AnswerOf<F extends Operations[string]> =
  Awaited<ReturnType<F>> extends Transferred<infer T> ? T : Awaited<ReturnType<F>>

/** An answer with memory that is handed over instead of copied. */
export class Transferred<T> {
  readonly answer: T
  readonly transfer: Transferable[]

  constructor(answer: T, transfer: Transferable[]) {
    this.answer = answer
    this.transfer = transfer
  }
}

type AskedCall = Extract<ToWorker, { kind: 'call' }>

/**
 * Answers calls one after another; an operation that returns at once is answered at once, without a turn of the event loop.
 *
 * @param opening what is offered, or a promise of it: calls wait for it, and the thread ends with the reason where it rejects
 * @param close   what to do before the thread ends
 */
export function offer(opening: Operations | Promise<Operations>, close?: () => void | Promise<void>): void {
  const port = ownPort()
  const queue: (AskedCall | 'end')[] = []
  let operations: Operations = {}
  let isBusy = true
  let atWork: { readonly id: number; readonly call: LazyCall } | null = null

  const send = (message: FromWorker, transfer: Transferable[] = []): void => port.postMessage(message, transfer)

  port.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'call':
        queue.push(message)
        break
      case 'end':
        queue.push('end')
        break
      case 'cancel': {
        if (atWork?.id === message.id) atWork.call.abort()
        const at = queue.findIndex((one) => one !== 'end' && one.id === message.id)
        if (at >= 0) queue.splice(at, 1)
        return
      }
      default:
        message satisfies never
    }
    if (!isBusy) work()
  })
  // A call that cannot be read has no number by which it could be refused: the thread ends, and its owner refuses all.
  port.on('messageerror', (error) => {
    throw error
  })

  if (opening instanceof Promise)
    opening.then(begin, (error: unknown) => {
      send({ kind: 'not-ready', error: toSend(error) })
      process.exit()
    })
  else begin(opening)

  function begin(offered: Operations): void {
    operations = offered
    isBusy = false
    send({ kind: 'ready' })
    work()
  }

  function work(): void {
    for (let asked = queue.shift(); asked !== undefined; asked = queue.shift()) {
      const under = asked === 'end' ? end() : run(asked)
      if (under === null) continue
      isBusy = true
      void under.then(() => {
        isBusy = false
        work()
      })
      return
    }
  }

  /** @returns null where the call is answered already. */
  function run({ id, name, argument }: AskedCall): Promise<void> | null {
    const call = new LazyCall()
    atWork = { id, call }
    try {
      const outcome = operations[name](argument as never, call) // the owner's types let it send no other argument
      if (outcome instanceof Promise)
        return outcome.then(
          (answer: unknown) => settle(id, answer),
          (error: unknown) => refuse(id, error),
        )
      settle(id, outcome)
    } catch (error) {
      refuse(id, error)
    }
    return null
  }

  function settle(id: number, outcome: unknown): void {
    atWork = null
    const { answer, transfer } = outcome instanceof Transferred ? outcome : { answer: outcome, transfer: [] }
    try {
      send({ kind: 'answer', id, answer }, transfer)
    } catch (error) {
      refuse(id, error)
    }
  }

  function refuse(id: number, error: unknown): void {
    atWork = null
    send({ kind: 'failed', id, error: toSend(error) })
  }

  async function end(): Promise<void> {
    await close?.()
    process.exit()
  }
}

/** For a thread that is not called by messages: tells its owner that it is ready. */
export function tellReady(): void {
  ownPort().postMessage({ kind: 'ready' } satisfies FromWorker)
}

/** Gives way to the rest of the process where the system has a priority for each thread (Linux); elsewhere nothing changes. */
export function lowerPriority(by: number): void {
  if (by === 0 || process.platform !== 'linux') return
  setPriority(0, Math.min(19, getPriority(0) + by))
}

/** Most calls are never cancelled, so the signal is made when it is looked at. */
class LazyCall implements Call {
  #controller: AbortController | null = null

  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal
  }

  abort(): void {
    this.#controller ??= new AbortController()
    this.#controller.abort()
  }
}

function toSend(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: undefined, fields: {} }
  const fields: Record<string, number | string> = {}
  for (const [key, value] of Object.entries(error))
    if (typeof value === 'number' || typeof value === 'string') fields[key] = value
  return { name: error.constructor.name, message: error.message, stack: error.stack, fields }
}

function ownPort() {
  if (parentPort === null) throw new Error('This file runs as a worker thread only.')
  return parentPort
}
