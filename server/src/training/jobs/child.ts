/**
 * The process that trains. It receives one job over IPC, reports its events, leaves the artifact in the run's folder, and
 * ends. It knows neither the store nor the network, so nothing that it does can harm what serves.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { setPriority } from 'node:os'
import { Fault } from '../../domain/faults.ts'
import type { FromChild, Job, ToChild } from './messages.ts'
import { trainJob } from './trainJob.ts'

/** A stop that takes longer is ended the hard way. */
const STOP_MS = 20_000
/** Of all nicenesses. */
const LOWEST = 19

const stopping = new AbortController()

process.on('message', (message: ToChild) => {
  if (message.kind === 'stop') stop()
  else void work(message.job)
})
// The parent is gone and will not take the result, but a resumed run will take the checkpoint.
for (const end of ['disconnect', 'SIGTERM', 'SIGINT', 'SIGHUP']) process.on(end, stop)

function stop(): void {
  if (stopping.signal.aborted) return
  stopping.abort()
  setTimeout(() => process.exit(1), STOP_MS).unref()
}

async function work(job: Job): Promise<void> {
  giveWay(job.niceness)
  try {
    await trainJob(job, say, stopping.signal)
  } catch (error) {
    say(stopping.signal.aborted ? { kind: 'stopped' } : failed(error))
  }
  // Not process.exit: what was said must have left before.
  if (process.connected) process.disconnect?.()
}

function say(message: FromChild): void {
  // After a disconnect there is no receiver, which is not an error.
  if (process.connected) process.send?.(message, undefined, {}, () => undefined)
}

function failed(error: unknown): FromChild {
  if (error instanceof Fault) return { kind: 'failed', code: error.code, say: error.message }
  const words = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.stderr.write(`${words}\n`)
  return { kind: 'failed', code: 'internal', say: words.slice(0, 4000) }
}

/**
 * Lower priority for all threads of this process, those of V8 and libuv too: on Linux each thread has its own, and a
 * thread that starts later has that of the one that starts it.
 *
 * The lowest is a class of its own there, SCHED_IDLE: any other thread that wakes up gets the core at once. Node has
 * no call for it, so util-linux is asked; where it is missing, niceness is all that there is.
 */
function giveWay(niceness: number): void {
  if (niceness === 0) return
  if (niceness === LOWEST && process.platform === 'linux')
    spawnSync('chrt', ['--all-tasks', '--idle', '--pid', '0', String(process.pid)], { stdio: 'ignore' })
  for (const thread of threads()) {
    try {
      setPriority(thread, niceness)
    } catch {
      // A thread that has ended meanwhile, or a system that does not allow it: the work then runs at its usual priority.
    }
  }
}

function threads(): readonly number[] {
  try {
    return readdirSync('/proc/self/task').map(Number)
  } catch {
    return [process.pid] // not Linux: the process is what has a priority
  }
}
