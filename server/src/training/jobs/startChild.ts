/** Starts the process that trains, receives its messages, and ends it at a deadline. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Fault } from '../../domain/faults.ts'
import type { TrainingEvent } from '../../domain/trainingRun.ts'
import { type FromChild, faultCodeOf, type Job, type ReadBody, readFromChild, type ToChild } from './messages.ts'

export interface Watcher {
  readonly onEvent?: (event: TrainingEvent) => void
  readonly onProgress?: (share: number | null, words: string) => void
  readonly onRead?: (read: ReadBody) => void
}

export type Outcome =
  | { readonly kind: 'trained'; readonly digest: string; readonly facts: Readonly<Record<string, number>> }
  | { readonly kind: 'failed'; readonly fault: Fault }
  /** Its process died without a word: killed, or out of memory. What it had written is in its folder. */
  | { readonly kind: 'crashed'; readonly fault: Fault }
  /** It was asked to stop, and did; what it has is in its folder. */
  | { readonly kind: 'stopped' }

/** After this long it is ended without another word. The process gives itself a little less. */
export const STOP_MS = 25_000
/** A process that says nothing for so long hangs. An epoch may be long, but points come with every few steps. */
const SILENCE_MS = 30 * 60_000
/** What is kept of what it writes to stderr, for the words of a crash. */
const STDERR_CHARS = 2000

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url))

/** Trains in a process of its own. Never rejects: whatever happens to that process is an outcome. */
export async function startChild(
  job: Job,
  watcher: Watcher,
  signal: AbortSignal,
  { program = CHILD, stopMs = STOP_MS } = {},
): Promise<Outcome> {
  if (signal.aborted) return { kind: 'stopped' }
  const child = fork(program, [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [], serialization: 'json' })
  const timers = new Set<NodeJS.Timeout>()
  const stop = (): void => {
    send(child, { kind: 'stop' })
    timers.add(setTimeout(() => child.kill('SIGKILL'), stopMs).unref())
  }
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await heard(child, job, watcher, signal)
  } finally {
    signal.removeEventListener('abort', stop)
    for (const timer of timers) clearTimeout(timer)
  }
}

function heard(child: ChildProcess, job: Job, watcher: Watcher, signal: AbortSignal): Promise<Outcome> {
  return new Promise((resolve) => {
    let outcome: Outcome | null = null
    let stderr = ''
    const giveUp = (fault: Fault): void => {
      outcome = { kind: 'failed', fault }
      child.kill('SIGKILL')
    }
    const hangs = new Fault('internal', { say: 'The training process said nothing for half an hour and was ended.' })
    const silence = setTimeout(() => giveUp(hangs), SILENCE_MS).unref()
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-STDERR_CHARS)
    })
    child.on('message', (raw) => {
      silence.refresh()
      let message: FromChild
      try {
        message = readFromChild(raw)
      } catch (cause) {
        return giveUp(new Fault('internal', { say: cause instanceof Error ? cause.message : String(cause), cause }))
      }
      outcome = take(message, watcher) ?? outcome
    })
    child.on('error', (cause) => {
      outcome ??= { kind: 'failed', fault: new Fault('internal', { say: `Training: ${cause.message}`, cause }) }
      resolve(outcome)
    })
    // `close` comes when the channel and stderr are read to their ends, so nothing that was said is missed.
    child.on('close', (code, by) => {
      clearTimeout(silence)
      if (outcome !== null) return resolve(outcome)
      resolve(signal.aborted ? { kind: 'stopped' } : { kind: 'crashed', fault: crashed(code, by, stderr) })
    })
    send(child, { kind: 'start', job })
  })
}

function take(message: FromChild, { onEvent, onProgress, onRead }: Watcher): Outcome | null {
  switch (message.kind) {
    case 'event':
      onEvent?.(message.event)
      return null
    case 'progress':
      onProgress?.(message.share, message.words)
      return null
    case 'read':
      onRead?.(message.read)
      return null
    case 'trained':
    case 'stopped':
      return message
    case 'failed':
      return { kind: 'failed', fault: new Fault(faultCodeOf(message.code), { say: message.say }) }
    default:
      return message satisfies never
  }
}

function crashed(code: number | null, by: string | null, stderr: string): Fault {
  const how = by === null ? `with exit code ${code}` : `by ${by}${by === 'SIGKILL' ? ' (out of memory?)' : ''}`
  return new Fault('internal', { say: `The training process ended ${how}. ${stderr.trim()}`.trim() })
}

function send(child: ChildProcess, message: ToChild): void {
  // A process that has ended already cannot receive it; `close` reports how it ended.
  if (child.connected) child.send(message, () => undefined)
}
