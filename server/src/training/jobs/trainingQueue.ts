/** The server's own worker: takes waiting runs, one at a time, and those that an earlier process did not finish. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../domain/faults.ts'
import { isOver, type TrainingRun } from '../../domain/trainingRun.ts'
import { ATTEMPTS_MAX, type RunNeeds, type Worked, workOnRun } from './workOnRun.ts'

export interface QueueNeeds extends RunNeeds {
  readonly say: (level: 'info' | 'warn' | 'error', what: string, facts: Readonly<Record<string, unknown>>) => void
}

/** A worker writes every half second; one that has not written for this long counts as dead. */
export const DEAD_MS = 30_000

export class TrainingQueue {
  readonly #needs: QueueNeeds
  readonly #stopping = new AbortController()
  #working: Promise<void> | null = null

  constructor(needs: QueueNeeds) {
    this.#needs = needs
  }

  /** Starts the oldest run that waits, if there is one; resolves when it is started. Called about once a second. */
  async poll(): Promise<void> {
    if (this.#working !== null || this.#stopping.signal.aborted) return
    const { runs, worker, now } = this.#needs
    const by = { worker, at: now(), deadBefore: now() - DEAD_MS }
    const waiting = await runs.nextUnattended(by, ATTEMPTS_MAX)
    if (waiting === null) return
    const claim = await runs.claim(waiting.id, by)
    if (claim.kind !== 'taken') return
    const { run, place } = claim
    this.#tell(run, 'training', { attempt: run.attempts })
    this.#working = workOnRun(run, place, this.#needs, {}, this.#stopping.signal)
      .then((worked) => this.#tell(run, 'training ended', factsOf(worked)))
      .catch((error: unknown) => {
        this.#needs.say('error', 'training broke', {
          run: run.id,
          why: error instanceof Error ? error.message : String(error),
        })
      })
      .finally(() => {
        this.#working = null
      })
  }

  /** Removes the folders of runs that are over or unknown. */
  async tidy(): Promise<void> {
    const { runs, runsFolder } = this.#needs
    const names = await readdir(runsFolder).catch(() => [])
    for (const name of names) {
      const run = await runs.get(name)
      if (run === null || isOver(run.state)) await rm(join(runsFolder, name), { recursive: true, force: true })
    }
  }

  /** Lets the run under way write its checkpoint; it is `interrupted`, and the next start takes it up. */
  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#working
  }

  #tell(run: TrainingRun, what: string, facts: Readonly<Record<string, unknown>>): void {
    const { model, task, recipe } = run.asked
    this.#needs.say('info', what, { run: run.id, model, task, recipe, ...facts })
  }
}

function factsOf({ state, version, fault }: Worked): Readonly<Record<string, unknown>> {
  return {
    state,
    ...(version === null ? {} : { version: version.version }),
    ...(fault instanceof Fault ? { code: fault.code, why: fault.message } : {}),
  }
}
