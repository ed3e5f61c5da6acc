/** Why a text gets its label. Nothing is logged. */

import { Fault } from '../domain/faults.ts'
import type { Keeping } from '../domain/redaction/keeping.ts'
import { notAboutTexts, textModelOf } from '../models/servedModel.ts'
import { type ExplainMethod, type Explanation, isQueued, type Scored, type ScoreOptions } from '../models/textModel.ts'
import type { LiveVersion, Releases } from '../serving/releases.ts'
import type { Log } from '../store/store.ts'
import type { Turns } from './explanationTurns.ts'
import { findPrediction } from './findPrediction.ts'
import { ingest, type TextLimits, type TextSignal } from './ingest.ts'
import { type Caller, type Predicted, type PredictNeeds, predict } from './predict.ts'

/** A text that was sent, for what serves a task now; or the text of a logged prediction, for the version that scored it. */
export type ToExplain =
  | { readonly kind: 'sent'; readonly text: string; readonly task: string }
  | { readonly kind: 'logged'; readonly predictionId: string }

export interface ExplainNeeds {
  readonly limits: TextLimits
  readonly releases: Pick<Releases, 'serving' | 'load'>
  readonly log: Pick<Log, 'get'>
  readonly keeping: Keeping
  readonly nowMs: () => number
  readonly turns: Turns
  /** Told how long each took. */
  readonly explained: (seconds: number) => void
}

export interface Explained {
  readonly text: string
  readonly version: LiveVersion
  readonly scored: Scored
  readonly explanation: Explanation
}

/** @param method without one: gradients, where the model has them; a model that is a sum is exact, whatever is asked */
export async function explain(
  asked: ToExplain,
  method: ExplainMethod | undefined,
  { options }: Caller,
  needs: ExplainNeeds,
): Promise<Explained> {
  const { text, version } = await found(asked, needs)
  using _place = needs.turns.reserve(text.length)
  const startedMs = needs.nowMs()
  const reasons = await reasonsFor(text, version, options, method, needs.turns)
  needs.explained((needs.nowMs() - startedMs) / 1000)
  return { text, version, ...reasons }
}

async function reasonsFor(
  text: string,
  version: LiveVersion,
  options: ScoreOptions,
  method: ExplainMethod | undefined,
  turns: Turns,
): Promise<Pick<Explained, 'scored' | 'explanation'>> {
  const { served } = version
  switch (served.kind) {
    case 'text':
      return turns.turn(() => {
        requireCaller(options)
        return { scored: served.model.score(text), explanation: served.model.explain(text) }
      })
    case 'queued-text': {
      using _held = version.hold()
      const [scored, explanation] = await Promise.all([
        served.model.submit(text, options),
        served.model.explain(text, options, method),
      ])
      return { scored, explanation }
    }
    case 'detector':
      throw notAboutTexts(version.task)
    default:
      return served satisfies never
  }
}

async function found(
  asked: ToExplain,
  { limits, releases, log, keeping }: ExplainNeeds,
): Promise<Pick<Explained, 'text' | 'version'>> {
  if (asked.kind === 'sent') {
    const version = releases.serving(asked.task)
    return { text: ingest({ text: asked.text, source: null, callerId: null }, limits).text, version }
  }
  const row = await findPrediction(asked.predictionId, { log, keeping })
  if (row === null) throw new Fault('prediction_unknown')
  if (row.text === null)
    throw new Fault('explain_unsupported', { say: 'The log did not keep the text of this prediction.' })
  return { text: row.text, version: await releases.load(row.model, row.version) }
}

/** One text, logged like any prediction, with the reasons for its label. What cannot be explained now is not logged. */
export async function predictExplained(
  signal: TextSignal,
  caller: Caller,
  version: LiveVersion,
  needs: PredictNeeds & Pick<ExplainNeeds, 'turns'>,
): Promise<Predicted & { readonly explanation: Explanation }> {
  const { turns } = needs
  using _place = turns.reserve(signal.text.length)
  using _held = version.hold()
  const predicted = await predict(signal, caller, version, needs, (one) => one)
  const model = textModelOf(version.served, version.task)
  const explanation = isQueued(model)
    ? await model.explain(signal.text, caller.options)
    : await turns.turn(() => {
        requireCaller(caller.options)
        return model.explain(signal.text)
      })
  return { ...predicted, explanation }
}

/** No work for a caller who has left while the text waited for its turn. */
function requireCaller({ isAbandoned }: ScoreOptions): void {
  if (isAbandoned?.() === true) throw new Fault('timeout', { say: 'The caller left before its turn came.' })
}
