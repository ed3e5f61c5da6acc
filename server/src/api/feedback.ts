/** POST /feedback: true labels that arrive after the prediction. */
import { FaultBody, FeedbackAnswer, FeedbackBody, type FeedbackItem, type FeedbackResult } from '@barometer/wire'
import { Fault, type FaultCode, faults } from '../domain/faults.ts'
import type { FeedbackOutcome } from '../domain/prediction.ts'
import { takeFeedback } from '../loop/takeFeedback.ts'
import type { Api, ApiNeeds } from './context.ts'

export function feedbackRoutes(app: Api, { config, store, metrics, feed, now, predictionLog }: ApiNeeds): void {
  app.post(
    '/feedback',
    {
      config: { scope: 'predict', body: 'batch' },
      schema: {
        operationId: 'giveFeedback',
        summary: 'Tell the true label of predictions; the newest label of a prediction counts',
        tags: ['feedback'],
        body: FeedbackBody,
        response: { 200: FeedbackAnswer, '4xx': FaultBody, '5xx': FaultBody },
      },
    },
    async (request) => {
      const { body } = request
      const many = 'items' in body
      const items: readonly FeedbackItem[] = many ? body.items : [body]
      if (items.length > config.batchItemsMax)
        throw new Fault('batch_too_large', {
          say: `There are ${items.length} items; at most ${config.batchItemsMax} are taken.`,
        })
      const at = now()
      const outcomes = await takeFeedback(
        items.map((item) => ({
          predictionId: item.prediction_id,
          at,
          label: item.label,
          comment: item.comment ?? null,
          keyId: request.keyId,
        })),
        { journal: store.journal, keeping: predictionLog.keeping },
      )
      const results = outcomes.map((outcome, i) => resultOf(outcome, items[i].prediction_id))
      for (const outcome of outcomes) {
        if (outcome.kind !== 'new' && outcome.kind !== 'changed') continue
        if (outcome.kind === 'new') metrics.feedback(outcome.task, outcome.correct)
        feed.feedback({ prediction_id: outcome.id, label: outcome.label, correct: outcome.correct })
      }
      const [only] = outcomes
      if (!many && only.kind === 'prediction-unknown') throw new Fault('prediction_unknown')
      if (!many && only.kind === 'label-unknown') throw new Fault('label_unknown', { say: sayLabels(only.labels) })
      return { results }
    },
  )
}

function resultOf(outcome: FeedbackOutcome, asked: string): FeedbackResult {
  switch (outcome.kind) {
    case 'new':
    case 'repeated':
    case 'changed':
      return {
        prediction_id: outcome.id,
        label: outcome.label,
        status: outcome.kind,
        correct: outcome.correct,
        previous_label: outcome.previousLabel,
      }
    case 'prediction-unknown':
      return itemFault('prediction_unknown', `No prediction has the id “${asked}”.`)
    case 'label-unknown':
      return itemFault('label_unknown', sayLabels(outcome.labels))
    default:
      return outcome satisfies never
  }
}

function itemFault(code: FaultCode, message: string = faults[code].say): FeedbackResult {
  return { error: { code, message } }
}

function sayLabels(labels: readonly string[]): string {
  return `The task's labels are ${labels.join(', ')}.`
}
