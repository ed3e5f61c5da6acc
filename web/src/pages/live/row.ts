import type { LoggedPrediction, PredictionEvent } from '@barometer/wire'

/** A prediction as the list shows it, whether it came with the stream or from the log. */
export interface Row extends PredictionEvent {
  readonly feedback: { readonly label: string; readonly correct: boolean } | null
}

export function rowOfEvent(event: PredictionEvent): Row {
  return { ...event, feedback: null }
}

export function rowOfLogged(logged: LoggedPrediction): Row {
  const { id, at, task, model, version, label, confidence, latency_ms, drift, source, text, feedback } = logged
  return { id, at, task, model, version, label, confidence, latency_ms, drift, source, text, feedback }
}
