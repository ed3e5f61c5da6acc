/**
 * The budget of explanations: how much may be under way, and in whose time it is made.
 *
 * An explanation costs some thirty times as much as a score (20,000 characters: 13 ms against .4 ms on one core), and a
 * model that scores at once makes it on the thread that answers requests. So explanations are made one at a time, each
 * in a turn of the event loop of its own, with a rest after each for what came meanwhile; and what is too much to
 * be made soon is refused at once.
 */
import { Fault } from '../domain/faults.ts'

export interface Turns {
  /** Takes a place for a text; throws Fault('queue_full') where there is none. Disposed of when the text is explained. */
  reserve(chars: number): Disposable
  /** Does work that holds up the thread, when its turn comes. */
  turn<T>(work: () => T): Promise<T>
}

export interface TurnsNeeds {
  readonly nowMs: () => number
  readonly pause: (ms: number) => Promise<void>
}

/** Characters of all texts that are being explained or wait: sixteen of the longest that are taken in by default. */
const CHARS_MAX = 320_000
/** A short text counts as so many: an answer has a cost of its own. */
const CHARS_MIN = 1000
/** Rest after a turn, in times of what it took: a third of the thread's time is the most that explanations have. */
const REST = 2

export class ExplanationTurns implements Turns {
  readonly #needs: TurnsNeeds
  #chars = 0
  #last: Promise<unknown> = Promise.resolve()

  constructor(needs: TurnsNeeds) {
    this.#needs = needs
  }

  /** Characters under way; 0 at rest. */
  get chars(): number {
    return this.#chars
  }

  reserve(chars: number): Disposable {
    const taken = Math.max(chars, CHARS_MIN)
    // A single text is always explained, however long the longest may be.
    if (this.#chars > 0 && this.#chars + taken > CHARS_MAX)
      throw new Fault('queue_full', { say: 'As many texts wait for an explanation as may.', retryAfterSeconds: 1 })
    this.#chars += taken
    let isHeld = true
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.#chars -= taken
        isHeld = false
      },
    }
  }

  turn<T>(work: () => T): Promise<T> {
    const { nowMs, pause } = this.#needs
    let tookMs = 0
    const done = this.#last.then(async () => {
      await pause(0)
      const startedMs = nowMs()
      try {
        return work()
      } finally {
        tookMs = nowMs() - startedMs
      }
    })
    const rest = () => pause(REST * tookMs)
    this.#last = done.then(rest, rest)
    return done
  }
}

/** For a process that serves nobody else. */
export const noTurns: Turns = {
  reserve: () => ({ [Symbol.dispose]: () => undefined }),
  turn: async (work) => work(),
}
