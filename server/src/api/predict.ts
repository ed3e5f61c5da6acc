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
import type { LoggedPrediction, Prediction } from '../domain/prediction.ts'
import { findPrediction } from '../loop/findPrediction.ts'
import { ingest, type TextSignal } from '../loop/ingest.ts'
import { logRow } from '../loop/log.ts'
import type { LiveVersion } from '../loop/register.ts'
import { answered, score, scoreQueued, type TextScore } from '../loop/score.ts'
import { scoreMany } from '../models/scoreMany.ts'
import {
  type Explanation,
  isQueued,
  type QueuedTextModel,
  type Scored,
  type ScoreOptions,
} from '../models/textModel.ts'
import type { Appended } from '../store/store.ts'
import { demand } from './access/guard.ts'
import { type Api, type ApiNeeds, sendRaw } from './context.ts'

const DEFAULT_TASK = 'sentiment'

/** Texts of a batch are scored in turns of this many milliseconds, so that other requests are answered in between. */
const TURN_MS = 5

export function predictRoutes(app: Api, needs: ApiNeeds): void {
  const { config, store, releases, metrics, feed, logNeeds, nowMs } = needs
  const faultAnswers = { '4xx': FaultBody, '5xx': FaultBody }

  app.post(
    '/predict',
    {
      config: { scope: 'predict' },
      schema: {
        summary: 'Score one text, log the prediction, answer after its commit',
        tags: ['predict'],
        body: PredictBody,
        response: { 200: PredictAnswerSchema, ...faultAnswers },
      },
    },
    (request, reply) => {
      const started = nowMs()
      const { body } = request
      const version = releases.serving(body.task ?? DEFAULT_TASK)
      const signal = ingest({ text: body.text, source: body.source ?? null, callerId: body.id ?? null }, config)
      const { model } = version
      if (isQueued(model)) {
        predictQueued(request, signal, version, model, started).then(
          (answer) => reply.send(answer),
          (error: Error) => sendRaw(reply, error),
        )
        return
      }
      const scored = score(signal.text, version, model, started, nowMs)
      const row = logRow(signal, scored, version, request.keyId, logNeeds)
      store.journal
        .appendOne(row)
        .then((appended) => {
          const answer = settle(appended, row, version, started, body.return_probabilities === true)
          if (body.explain === true)
            answer.explanation = explanationBody(signal.text, version, model.explain(signal.text))
          reply.send(answer)
        })
        .catch((error: Error) => sendRaw(reply, error))
    },
  )

  app.post(
    '/predict/batch',
    {
      config: { scope: 'predict' },
      schema: {
        summary: 'Score many texts; the answers come in order, a text that cannot be scored is a fault in its place',
        tags: ['predict'],
        body: PredictBatchBody,
        response: { 200: PredictBatchAnswer, ...faultAnswers },
      },
    },
    async (request) => {
      const { body } = request
      const signals = signalsOf(body)
      if (signals.length > config.batchItemsMax)
        throw new Fault('batch_too_large', {
          say: `The batch has ${signals.length} items; at most ${config.batchItemsMax} are taken.`,
        })
      const version = releases.serving(body.task ?? DEFAULT_TASK)
      const rows: Prediction[] = []
      /** [signals] the place of its row, or why it has none. */
      const places: (number | Fault)[] = []
      const started = nowMs()
      const refuse = (i: number, fault: Fault) => {
        metrics.fault(fault.code)
        places[i] = fault
      }
      const taken: { readonly i: number; readonly signal: TextSignal }[] = []
      for (const [i, signal] of signals.entries()) {
        try {
          taken.push({ i, signal: ingest(signal, config) })
        } catch (error) {
          if (!(error instanceof Fault)) throw error
          refuse(i, error)
        }
      }
      await scoreSeveral(request, taken, version, (i, signal, scored) => {
        if (scored instanceof Fault) return refuse(i, scored)
        places[i] = rows.length
        rows.push(logRow(signal, scored, version, request.keyId, logNeeds))
      })
      const appended = rows.length === 0 ? [] : await store.journal.append(rows)
      const probabilities = body.return_probabilities === true
      return {
        predictions: places.map((place) => {
          if (typeof place !== 'number') return itemFault(place)
          try {
            return settle(appended[place], rows[place], version, started, probabilities)
          } catch (error) {
            if (error instanceof Fault) return itemFault(error)
            throw error
          }
        }),
      }
    },
  )

  app.post(
    '/explain',
    {
      config: { scope: 'predict' },
      schema: {
        summary: 'Why a text gets its label: what each stretch adds to each logit; nothing is logged',
        tags: ['predict'],
        body: ExplainBody,
        response: { 200: ExplainAnswer, ...faultAnswers },
      },
    },
    async (request) => {
      const { text, version } = await toExplain(request)
      const started = nowMs()
      const { scored, explanation } = await explained(request, text, version)
      const confidence = scored.probabilities[scored.label]
      metrics.explained((nowMs() - started) / 1000)
      return {
        task: version.task,
        model: version.name,
        version: version.number,
        label: version.labels[scored.label],
        confidence,
        probabilities: byLabel(version.labels, scored.probabilities),
        text,
        explanation: explanationBody(text, version, explanation),
      }
    },
  )

  /** One text through a model with a queue: scored, logged, committed, and explained where that was asked for. */
  async function predictQueued(
    request: FastifyRequest<{ Body: PredictBody }>,
    signal: TextSignal,
    version: LiveVersion,
    model: QueuedTextModel,
    started: number,
  ): Promise<PredictAnswer> {
    const { body } = request
    const options = scoreOptionsOf(request)
    using _held = version.hold()
    const scored = await scoreQueued(signal.text, version, model, options, started, nowMs)
    const row = logRow(signal, scored, version, request.keyId, logNeeds)
    const answer = settle(await store.journal.appendOne(row), row, version, started, body.return_probabilities === true)
    if (body.explain === true)
      answer.explanation = explanationBody(signal.text, version, await model.explain(signal.text, options))
    return answer
  }

  /** The texts of a batch; `scored` is told each answer or fault, in any order. */
  async function scoreSeveral(
    request: FastifyRequest,
    taken: readonly { readonly i: number; readonly signal: TextSignal }[],
    version: LiveVersion,
    scored: (i: number, signal: TextSignal, answer: TextScore | Fault) => void,
  ): Promise<void> {
    const { model } = version
    if (isQueued(model)) {
      using _held = version.hold()
      const started = nowMs()
      const texts = taken.map(({ signal }) => signal.text)
      await scoreMany(model, texts, scoreOptionsOf(request), pause, (k, answer) => {
        const { i, signal } = taken[k]
        scored(i, signal, answer instanceof Fault ? answer : answered(signal.text, version, answer, started, nowMs))
      })
      return
    }
    let turnEnds = nowMs() + TURN_MS
    for (const { i, signal } of taken) {
      if (nowMs() > turnEnds) {
        await new Promise(setImmediate)
        turnEnds = nowMs() + TURN_MS
      }
      scored(i, signal, score(signal.text, version, model, nowMs(), nowMs))
    }
  }

  async function explained(
    request: FastifyRequest<{ Body: ExplainBody }>,
    text: string,
    version: LiveVersion,
  ): Promise<{ scored: Scored; explanation: Explanation }> {
    const { model } = version
    if (!isQueued(model)) return { scored: model.score(text), explanation: model.explain(text) }
    using _held = version.hold()
    const options = scoreOptionsOf(request)
    const [scored, explanation] = await Promise.all([
      model.submit(text, options),
      model.explain(text, options, request.body.method),
    ])
    return { scored, explanation }
  }

  /** Nobody waits for a text whose caller has closed the connection. */
  function scoreOptionsOf(request: FastifyRequest): ScoreOptions {
    const { socket } = request.raw
    return { deadlineMs: config.scoringSecondsMax * 1000, isAbandoned: () => socket.destroyed }
  }

  /** The text and version to explain: what was sent, or what a logged prediction was made of. */
  async function toExplain(
    request: FastifyRequest<{ Body: ExplainBody }>,
  ): Promise<{ text: string; version: LiveVersion }> {
    const { body } = request
    if ((body.text === undefined) === (body.prediction_id === undefined))
      throw new Fault('bad_request', { say: 'Send either a text or a prediction_id.' })
    if (body.text !== undefined) {
      const version = releases.serving(body.task ?? DEFAULT_TASK)
      return { text: ingest({ text: body.text, source: null, callerId: null }, config).text, version }
    }
    demand(request, 'read') // the answer shows a text out of the log
    const row = await findPrediction(body.prediction_id ?? '', { log: store.log, keeping: logNeeds.keeping })
    if (row === null) throw new Fault('prediction_unknown')
    if (row.text === null)
      throw new Fault('explain_unsupported', { say: 'The log did not keep the text of this prediction.' })
    return { text: row.text, version: await releases.load(row.model, row.version) }
  }

  /** Counts a committed prediction and makes its answer; a repeated id is answered by the first prediction. */
  function settle(
    appended: Appended,
    row: Prediction,
    version: LiveVersion,
    started: number,
    probabilities: boolean,
  ): PredictAnswer {
    switch (appended.kind) {
      case 'logged':
        metrics
          .tally(version)
          .predicted(version.labels.indexOf(row.label), row.confidence, row.drift, (nowMs() - started) / 1000)
        if (!store.shared) feed.prediction(row) // replicas tail the log that they share
        return answerOf(row, version.labels, probabilities)
      case 'repeated':
        return { ...answerOf(appended.first, appended.first.labels, probabilities), repeated: true }
      case 'conflict':
        throw new Fault('id_conflict')
      default:
        return appended satisfies never
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
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

function answerOf(
  row: Prediction | LoggedPrediction,
  labels: readonly string[],
  probabilities: boolean,
): PredictAnswer {
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
