/**
 * A prediction from its text to its answer: taken in, scored, logged, counted, shown. One text or many; for the routes
 * and for the command line, which scores without a log.
 */
import { Fault } from '../domain/faults.ts'
import type { Prediction } from '../domain/prediction.ts'
import { scoreMany } from '../models/scoreMany.ts'
import { notAboutTexts, textModelOf } from '../models/servedModel.ts'
import { isQueued, type QueuedTextModel, type ScoreOptions } from '../models/textModel.ts'
import type { LiveVersion } from '../serving/releases.ts'
import type { Appended } from '../store/store.ts'
import { ingest, type TextLimits, type TextSignal } from './ingest.ts'
import { logRow, type PredictionLog } from './log.ts'
import { answered, score, scoreQueued, type TextScore } from './score.ts'

export interface PredictNeeds {
  readonly limits: TextLimits
  readonly log: PredictionLog
  /** Monotonic milliseconds with microsecond resolution. */
  readonly nowMs: () => number
}

export interface PredictManyNeeds extends PredictNeeds {
  readonly limits: TextLimits & { readonly batchItemsMax: number }
  readonly pause: (ms: number) => Promise<void>
}

/** Who asks. */
export interface Caller {
  /** Id of the API key; null where there is none. */
  readonly keyId: string | null
  /** For a model with a queue: how long a text may wait, and whether it still need be scored. */
  readonly options: ScoreOptions
}

/** What is answered. */
export interface Predicted {
  readonly row: Prediction
  /** [labels] of the version that made the row. */
  readonly labels: readonly string[]
  /** The caller's id was used before for the same text: `row` is the first prediction, and nothing was logged. */
  readonly repeated: boolean
}

/** Texts of a batch are scored in turns of this many milliseconds, so that other requests are answered in between. */
const TURN_MS = 5

/**
 * One text. With a model that scores at once the row is on its way to the log when this returns; `answer` is called in
 * the turn in which its commit is known, without a promise in between (docs/decisions/0006-hot-path.md).
 *
 * @returns what `answer` makes of the prediction
 */
export function predict<T>(
  signal: TextSignal,
  caller: Caller,
  version: LiveVersion,
  needs: PredictNeeds,
  answer: (predicted: Predicted) => T,
): Promise<T> {
  const { limits, log, nowMs } = needs
  const startedMs = nowMs()
  ingest(signal, limits)
  const { served } = version
  switch (served.kind) {
    case 'text': {
      const scored = score(signal.text, version, served.model, startedMs, nowMs)
      const row = logRow(signal, scored, version, caller.keyId, log)
      return log.journal
        .appendOne(row)
        .then((appended) => answer(orThrow(settle(appended, row, version, needs, startedMs))))
    }
    case 'queued-text':
      return predictQueued(signal, caller, version, served.model, needs, startedMs).then(answer)
    case 'detector':
      throw notAboutTexts(version.task)
    default:
      return served satisfies never
  }
}

/** One text through a model with a queue. */
async function predictQueued(
  signal: TextSignal,
  { keyId, options }: Caller,
  version: LiveVersion,
  model: QueuedTextModel,
  needs: PredictNeeds,
  startedMs: number,
): Promise<Predicted> {
  using _held = version.hold()
  const scored = await scoreQueued(signal.text, version, model, options, startedMs, needs.nowMs)
  const row = logRow(signal, scored, version, keyId, needs.log)
  return orThrow(settle(await needs.log.journal.appendOne(row), row, version, needs, startedMs))
}

/** Many texts, in one commit. @returns [signals] what is answered, or why that text has no answer */
export async function predictMany(
  signals: readonly TextSignal[],
  caller: Caller,
  version: LiveVersion,
  needs: PredictManyNeeds,
): Promise<readonly (Predicted | Fault)[]> {
  const { limits, log, nowMs } = needs
  if (signals.length > limits.batchItemsMax)
    throw new Fault('batch_too_large', {
      say: `The batch has ${signals.length} items; at most ${limits.batchItemsMax} are taken.`,
    })
  const startedMs = nowMs()
  const rows: Prediction[] = []
  /** [signals] the place of its row, or why it has none. */
  const places: (number | Fault)[] = []
  const taken: number[] = []
  for (const [i, signal] of signals.entries()) {
    try {
      ingest(signal, limits)
      taken.push(i)
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      places[i] = error
    }
  }
  await scoreTaken(taken, signals, caller, version, needs, (i, scored) => {
    places[i] = scored instanceof Fault ? scored : rows.push(logRow(signals[i], scored, version, caller.keyId, log)) - 1
  })
  const appended = rows.length === 0 ? [] : await log.journal.append(rows)
  return places.map((place) =>
    typeof place === 'number' ? settle(appended[place], rows[place], version, needs, startedMs) : place,
  )
}

/** Scores what was taken in; `scored` is told each answer or fault, in any order. */
async function scoreTaken(
  taken: readonly number[],
  signals: readonly TextSignal[],
  { options }: Caller,
  version: LiveVersion,
  { nowMs, pause }: PredictManyNeeds,
  scored: (i: number, answer: TextScore | Fault) => void,
): Promise<void> {
  const model = textModelOf(version.served, version.task)
  const startedMs = nowMs()
  if (isQueued(model)) {
    using _held = version.hold()
    const texts = taken.map((i) => signals[i].text)
    await scoreMany(model, texts, options, pause, (k, answer) =>
      scored(taken[k], answer instanceof Fault ? answer : answered(texts[k], version, answer, startedMs, nowMs)),
    )
    return
  }
  let turnEnds = startedMs + TURN_MS
  for (const i of taken) {
    if (nowMs() > turnEnds) {
      await new Promise(setImmediate)
      turnEnds = nowMs() + TURN_MS
    }
    scored(i, score(signals[i].text, version, model, nowMs(), nowMs))
  }
}

/** Counts and shows a committed prediction; a repeated id is answered by the first prediction. */
function settle(
  appended: Appended,
  row: Prediction,
  version: LiveVersion,
  { log, nowMs }: PredictNeeds,
  startedMs: number,
): Predicted | Fault {
  switch (appended.kind) {
    case 'logged':
      log
        .tally(version)
        .predicted(version.labels.indexOf(row.label), row.confidence, row.drift, (nowMs() - startedMs) / 1000)
      log.feed?.prediction(row)
      return { row, labels: version.labels, repeated: false }
    case 'repeated':
      return { row: appended.first, labels: appended.first.labels, repeated: true }
    case 'conflict':
      return new Fault('id_conflict')
    default:
      return appended satisfies never
  }
}

function orThrow(settled: Predicted | Fault): Predicted {
  if (settled instanceof Fault) throw settled
  return settled
}
