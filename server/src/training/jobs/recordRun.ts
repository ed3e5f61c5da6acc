/** Writes the events of a run into the store: in order, in time, and through outages of the database. */
import { setTimeout as delay } from 'node:timers/promises'
import { Fault } from '../../domain/faults.ts'
import type { Millis } from '../../domain/time.ts'
import type { TrainingEvent } from '../../domain/trainingRun.ts'
import type { TrainingEntry, TrainingPlace, TrainingRuns } from '../../store/store.ts'

export interface RecordNeeds {
  readonly runs: Pick<TrainingRuns, 'append'>
  readonly worker: string
  readonly now: () => Millis
  /** A cancellation was asked for, or another process has the run now. Called once at most for each. */
  readonly onStop: (why: 'cancel' | 'lost') => void
  /** Pause between writes; a write is a heartbeat too. */
  readonly pauseMs?: number
}

/** Between two writes: what a person sees is at most so old. */
const PAUSE_MS = 500
/** What waits for a database that is away; beyond it points of the curve go first. */
const WAITING_MAX = 5000
/** Events of a run that are no points: far above every epoch, trial and note that makes sense. */
const OTHERS_MAX = 20_000
/** Entries of one write: bounds the statement. */
const WRITE_MAX = 500

export interface Recorder {
  take(event: TrainingEvent): void
  /** Writes what waits and ends. Resolves false where not all could be written. */
  close(): Promise<boolean>
}

export function recordRun(id: string, place: TrainingPlace, needs: RecordNeeds): Recorder {
  const { runs, worker, now, onStop } = needs
  let waiting: TrainingEntry[] = []
  let seq = place.seq
  let points = place.points
  let others = 0
  const told = new Set<string>()
  const closing = new AbortController()

  async function write(): Promise<boolean> {
    const entries = waiting.slice(0, WRITE_MAX)
    try {
      const { cancelAsked, lost } = await runs.append(id, { worker, at: now() }, entries)
      waiting = waiting.slice(entries.length)
      if (cancelAsked) tell('cancel')
      if (lost) tell('lost')
      return true
    } catch (error) {
      // The database is away: it is asked again. A run that is not there any more has lost its place.
      if (error instanceof Fault && error.code === 'run_unknown') tell('lost')
      else if (!(error instanceof Fault)) throw error
      return false
    }
  }

  function tell(why: 'cancel' | 'lost'): void {
    if (told.has(why)) return
    told.add(why)
    onStop(why)
  }

  async function rounds(): Promise<void> {
    while (!closing.signal.aborted) {
      await delay(needs.pauseMs ?? PAUSE_MS, undefined, { signal: closing.signal }).catch(() => undefined)
      await write()
    }
  }
  // A write that breaks for another reason than the database would break again: the run is not worth going on with.
  const writing = rounds().catch(() => tell('lost'))

  return {
    take(event) {
      const point = event.kind === 'point' ? points++ : null
      if (point === null && others++ >= OTHERS_MAX) return
      seq++
      if (waiting.length >= WAITING_MAX) {
        const first = waiting.findIndex((entry) => entry.point !== null)
        waiting.splice(Math.max(0, first), 1)
      }
      waiting.push({ seq, at: now(), point, event })
    },
    async close() {
      closing.abort()
      await writing
      while (waiting.length > 0) if (told.has('lost') || !(await write())) return false
      return true
    },
  }
}
