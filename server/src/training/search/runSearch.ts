/** Searches for good settings: trial after trial, each where the estimator expects most; poor trials are stopped early. */
import { Fault } from '../../domain/faults.ts'
import { bestOf, type TrainingEvent, type TrainingTrial } from '../../domain/trainingRun.ts'
import { type Halving, halving, isHopeless } from './asha.ts'
import type { Point, Space } from './space.ts'
import { suggest } from './tpe.ts'

export interface Search {
  readonly space: Space
  /** The recipe's own settings: the first trial, so that a search never ends below them. */
  readonly start: Point
  readonly trials: number
  readonly seed: number
  /** Trials of an earlier attempt; those that were under way are made again. */
  readonly known: readonly TrainingTrial[]
  readonly halving?: Halving
}

export interface SearchNeeds {
  /**
   * Trains with these settings and calls `report` after each epoch; it stops soon after `report` has answered false.
   * A Fault is a trial that failed (settings that cannot work); anything else ends the search.
   */
  readonly attempt: (
    trial: number,
    parameters: Point,
    /** @param value the objective, lower is better. */
    report: (value: number) => boolean,
  ) => Promise<void>
  readonly onEvent: (event: TrainingEvent) => void
  readonly signal: AbortSignal
}

export interface Found {
  readonly best: TrainingTrial
  readonly trials: readonly TrainingTrial[]
}

export async function runSearch(search: Search, needs: SearchNeeds): Promise<Found> {
  const trials = search.known.filter(({ state }) => state !== 'running')
  for (let number = trials.length; number < search.trials; number++) {
    needs.signal.throwIfAborted()
    const parameters = number === 0 ? search.start : suggest(search.space, trials, search.seed)
    trials.push(await makeTrial(number, parameters, trials, search.halving ?? halving, needs))
  }
  const best = trials
    .filter(({ state }) => state === 'complete')
    .reduce<TrainingTrial | null>(
      (best, trial) => (best === null || bestOf(trial.values) < bestOf(best.values) ? trial : best),
      null,
    )
  if (best === null) throw new Fault('data_broken', { say: 'No trial of the search came to its end.' })
  return { best, trials }
}

async function makeTrial(
  number: number,
  parameters: Point,
  before: readonly TrainingTrial[],
  rule: Halving,
  { attempt, onEvent }: SearchNeeds,
): Promise<TrainingTrial> {
  const others = before.map(({ values }) => values)
  const values: number[] = []
  let pruned = false
  const tell = (state: TrainingTrial['state']): TrainingTrial => {
    const trial: TrainingTrial = { kind: 'trial', number, state, parameters, values: [...values] }
    onEvent(trial)
    return trial
  }
  tell('running')
  try {
    await attempt(number, parameters, (value) => {
      values.push(value)
      pruned ||= isHopeless(values, others, rule)
      if (!pruned) tell('running')
      return !pruned
    })
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    onEvent({ kind: 'note', words: `Trial ${number} failed: ${error.message}` })
    return tell('failed')
  }
  return tell(pruned ? 'pruned' : values.length > 0 ? 'complete' : 'failed')
}
