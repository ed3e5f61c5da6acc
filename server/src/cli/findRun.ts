/** A training run by the first characters of its id, as people copy them from a list. */
import { Fault } from '../domain/faults.ts'
import type { TrainingRun } from '../domain/trainingRun.ts'
import type { TrainingRuns } from '../store/store.ts'

/** More runs than are kept. */
const RUNS_MAX = 10_000
/** Shorter ones fit too many: the first 8 digits of an id are the time to about a minute. */
const PREFIX_CHARS_MIN = 4

/**
 * @param word an id, or at least four of its first characters
 * @throws run_unknown where no run begins like this, bad_request where several do
 */
export async function findRun(runs: Pick<TrainingRuns, 'get' | 'page'>, word: string): Promise<TrainingRun> {
  const exact = await runs.get(word)
  if (exact !== null) return exact
  const prefix = word.toLowerCase().replace(/(?:…|\.\.\.)$/, '')
  const fitting =
    prefix.length < PREFIX_CHARS_MIN
      ? []
      : (await runs.page({}, RUNS_MAX, null)).filter(({ id }) => id.toLowerCase().startsWith(prefix))
  if (fitting.length === 1) return fitting[0]
  if (fitting.length === 0)
    throw new Fault('run_unknown', { say: `There is no run ${word}; “barometer runs list” shows them.` })
  const named = fitting.slice(0, 3).map(({ id }) => id)
  throw new Fault('bad_request', {
    say: `${fitting.length} runs begin with ${word}: ${named.join(', ')}${fitting.length > 3 ? ', …' : ''}. Write more of the id.`,
  })
}
