/** POST /predict, /predict/batch and /explain: wire ↔ loop. */
import {
  ExplainAnswer,
  ExplainBody,
  type ExplanationBody,
  FaultBody,
  type PredictAnswer,
  PredictAnswer as PredictAnswerSchema,
  PredictBatchAnswer,
  PredictBatchBody,
  PredictBody,
} from '@barometer/wire'
import type { FastifyRequest } from 'fastify'
import { Fault } from '../domain/faults.ts'
import { isUnknown } from '../domain/prediction.ts'
import { explain, predictExplained, type ToExplain } from '../loop/explain.ts'
import { ExplanationTurns } from '../loop/explanationTurns.ts'
import type { TextSignal } from '../loop/ingest.ts'
import { type Caller, type Predicted, predict, predictMany } from '../loop/predict.ts'
import type { Explanation } from '../models/textModel.ts'
import type { LiveVersion } from '../serving/releases.ts'
import { demand } from './access/guard.ts'
import { hasLeft } from './connections.ts'
import { type Api, type ApiNeeds, sendRaw } from './context.ts'

const DEFAULT_TASK = 'sentiment'

export function predictRoutes(app: Api, needs: ApiNeeds): void {
  const { config, store, releases, metrics, nowMs } = needs
  const turns = new ExplanationTurns({ nowMs, pause })
  const predictNeeds = { limits: config, log: needs.predictionLog, nowMs, pause, turns }
  const explainNeeds = {
    limits: config,
    releases,
    log: store.log,
    keeping: needs.predictionLog.keeping,
    nowMs,
    turns,
    explained: (seconds: number) => metrics.explained(seconds),
  }
  const faultAnswers = { '4xx': FaultBody, '5xx': FaultBody }

  app.post(
    '/predict',
    {
      config: { scope: 'predict', body: 'text' },
      schema: {
        operationId: 'predict',
        summary: 'Score one text, log the prediction, answer after its commit',
        tags: ['predict'],
        body: PredictBody,
        response: { 200: PredictAnswerSchema, ...faultAnswers },
      },
    },
    (request, reply) => {
      const { body } = request
      const version = releases.serving(body.task ?? DEFAULT_TASK)
      const signal = { text: body.text, source: body.source ?? null, callerId: body.id ?? null }
      const probabilities = body.return_probabilities === true
      const answering =
        body.explain === true
          ? predictExplained(signal, callerOf(request), version, predictNeeds).then(({ explanation, ...predicted }) => {
              const answer = answerOf(predicted, probabilities)
              answer.explanation = explanationBody(signal.text, version, explanation)
              reply.send(answer)
            })
          : predict(signal, callerOf(request), version, predictNeeds, (predicted) => {
              reply.send(answerOf(predicted, probabilities))
            })
      answering.catch((error: Error) => sendRaw(reply, error))
    },
  )

  app.post(
    '/predict/batch',
    {
      config: { scope: 'predict', body: 'batch' },
      schema: {
        operationId: 'predictBatch',
        summary: 'Score many texts; the answers come in order, a text that cannot be scored is a fault in its place',
        tags: ['predict'],
        body: PredictBatchBody,
        response: { 200: PredictBatchAnswer, ...faultAnswers },
      },
    },
    async (request) => {
      const { body } = request
      const signals = signalsOf(body)
      const version = releases.serving(body.task ?? DEFAULT_TASK)
      const probabilities = body.return_probabilities === true
      const predictions = await predictMany(signals, callerOf(request), version, predictNeeds)
      return {
        predictions: predictions.map((one) => {
          if (!(one instanceof Fault)) return answerOf(one, probabilities)
          metrics.fault(one.code)
          return itemFault(one)
        }),
      }
    },
  )

  app.post(
    '/explain',
    {
      config: { scope: 'predict', body: 'text' },
      schema: {
        operationId: 'explain',
        summary: 'Why a text gets its label: what each stretch adds to each logit; nothing is logged',
        tags: ['predict'],
        body: ExplainBody,
        response: { 200: ExplainAnswer, ...faultAnswers },
      },
    },
    async (request) => {
      const asked = toExplain(request.body)
      if (asked.kind === 'logged') demand(request, 'read') // the answer shows a text out of the log
      const told = await explain(asked, request.body.method, callerOf(request), explainNeeds)
      const { text, version, scored, explanation } = told
      return {
        task: version.task,
        model: version.name,
        version: version.number,
        label: version.labels[scored.label],
        confidence: scored.probabilities[scored.label],
        probabilities: byLabel(version.labels, scored.probabilities),
        ...(isUnknown(scored) ? { unknown: true } : {}),
        text,
        explanation: explanationBody(text, version, explanation),
      }
    },
  )

  /** A text whose caller has closed the connection need not be scored. */
  function callerOf({ keyId, raw: { socket } }: FastifyRequest): Caller {
    return { keyId, options: { deadlineMs: config.scoringSecondsMax * 1000, isAbandoned: () => hasLeft(socket) } }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function toExplain({ text, prediction_id: predictionId, task = DEFAULT_TASK }: ExplainBody): ToExplain {
  if (text !== undefined && predictionId === undefined) return { kind: 'sent', text, task }
  if (text === undefined && predictionId !== undefined) return { kind: 'logged', predictionId }
  throw new Fault('bad_request', { say: 'Send either a text or a prediction_id.' })
}

function signalsOf(body: PredictBatchBody): TextSignal[] {
  const source = body.source ?? null
  if ((body.texts === undefined) === (body.items === undefined))
    throw new Fault('bad_request', { say: 'Send either texts or items.' })
  if (body.texts !== undefined) return body.texts.map((text) => ({ text, source, callerId: null }))
  return (body.items ?? []).map((item) => ({
    text: item.text,
    source: item.source ?? source,
    callerId: item.id ?? null,
  }))
}

function answerOf({ row, labels, repeated }: Predicted, probabilities: boolean): PredictAnswer {
  const answer: PredictAnswer = {
    id: row.id,
    task: row.task,
    sentiment: row.label,
    label: row.label,
    confidence: row.confidence,
    model: row.model,
    version: row.version,
    drift: { drift: row.drift },
    latency_ms: row.latencyMs,
  }
  if (probabilities) answer.probabilities = byLabel(labels, row.probabilities)
  if (isUnknown(row)) answer.unknown = true
  if (repeated) answer.repeated = true
  return answer
}

function byLabel(labels: readonly string[], values: ArrayLike<number>): Record<string, number> {
  return Object.fromEntries(labels.map((label, i) => [label, values[i]]))
}

function explanationBody(text: string, version: LiveVersion, explanation: Explanation): ExplanationBody {
  return {
    method: explanation.method ?? 'exact',
    labels: [...version.labels],
    logits: [...explanation.logits],
    bias: [...explanation.bias],
    spans: explanation.spans.map(({ start, end, contributions }) => ({
      start,
      end,
      text: text.slice(start, end),
      contributions: [...contributions],
    })),
    features: explanation.features.map(({ feature, start, end, contributions }) => ({
      feature,
      start,
      end,
      contributions: [...contributions],
    })),
  }
}

function itemFault(fault: Fault): { error: { code: string; message: string } } {
  return { error: { code: fault.code, message: fault.message } }
}
