/** Every call that the page makes, by name. */
import type {
  ExplainAnswer,
  ExplainBody,
  FeedbackAnswer,
  FeedbackItem,
  LoggedPrediction,
  ModelsAnswer,
  PredictAnswer,
  PredictBody,
  PredictionsPage,
  SessionAnswer,
  StageBody,
  StageEventsAnswer,
  StatsAnswer,
} from '@barometer/wire'
import { ApiFault } from './fault.ts'
import { request, setCsrf } from './request.ts'

const at = encodeURIComponent

export const explain = (body: ExplainBody, signal?: AbortSignal) =>
  request<ExplainAnswer>('/explain', { method: 'POST', body, ...(signal && { signal }) })

export const predict = (body: PredictBody) => request<PredictAnswer>('/predict', { method: 'POST', body })

export const predictions = (query: URLSearchParams, signal?: AbortSignal) =>
  request<PredictionsPage>(`/predictions?${query}`, signal && { signal })

export const prediction = (id: string, signal?: AbortSignal) =>
  request<LoggedPrediction>(`/predictions/${at(id)}`, signal && { signal })

/** One label for one prediction; an item's own fault is thrown like any other. */
export async function feedback(item: FeedbackItem, keepalive = false) {
  const answer = await request<FeedbackAnswer>('/feedback', { method: 'POST', body: item, keepalive })
  const [result] = answer.results
  if (result && 'error' in result) throw new ApiFault(result.error.code, 422, result.error.message)
  return result
}

export const models = (signal?: AbortSignal) => request<ModelsAnswer>('/models', signal && { signal })

export const stageEvents = (model: string, signal?: AbortSignal) =>
  request<StageEventsAnswer>(`/models/${at(model)}/events`, signal && { signal })

export const changeStage = (model: string, version: number, body: StageBody) =>
  request<unknown>(`/models/${at(model)}/versions/${version}/stage`, { method: 'POST', body })

export const rollBack = (model: string, why: string) =>
  request<unknown>(`/models/${at(model)}/rollback`, { method: 'POST', body: { why } })

export const stats = (query: URLSearchParams, signal?: AbortSignal) =>
  request<StatsAnswer>(`/stats?${query}`, signal && { signal })

export const session = async (signal?: AbortSignal) =>
  withCsrf(await request<SessionAnswer>('/session', signal && { signal }))

export const signIn = async (key: string) =>
  withCsrf(await request<SessionAnswer>('/session', { method: 'POST', body: { key } }))

export const signOut = () => request<unknown>('/session', { method: 'DELETE' })

export const alive = () => request<unknown>('/health/live')

function withCsrf(answer: SessionAnswer): SessionAnswer {
  setCsrf(answer.csrf)
  return answer
}
