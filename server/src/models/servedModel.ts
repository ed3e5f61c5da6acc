/** What a version becomes once it is loaded: the one union that says what may be asked of it. */
import { Fault } from '../domain/faults.ts'
import type { Detector } from './telemetry/detector.ts'
import type { AnyTextModel, QueuedTextModel, TextModel } from './textModel.ts'

/** Whoever opens one closes it: it answers what it has accepted, then gives its threads and memory back. */
export type ServedModel = { readonly labels: readonly string[]; close(): Promise<void> } & (
  | { readonly kind: 'text'; readonly model: TextModel }
  | { readonly kind: 'queued-text'; readonly model: QueuedTextModel }
  | { readonly kind: 'detector'; readonly detector: Detector }
)

export function servedText(model: TextModel): ServedModel {
  return { kind: 'text', labels: model.labels, model, close: () => Promise.resolve() }
}

export function servedQueue(model: QueuedTextModel): ServedModel {
  return { kind: 'queued-text', labels: model.labels, model, close: () => model.close() }
}

/** The model of texts in it, for code that takes either kind. */
export function textModelOf(served: ServedModel, task: string): AnyTextModel {
  if (served.kind === 'detector') throw notAboutTexts(task)
  return served.model
}

export function notAboutTexts(task: string): Fault {
  return new Fault('bad_request', { say: `The task “${task}” is about samples of telemetry, not about texts.` })
}
