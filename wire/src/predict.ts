import { type Static, Type } from 'typebox'
import { Label, Nullable, Share } from './common.ts'
import { CallerId, Closed, GivenLabel, Name, PredictionId, Source, Words } from './parameters.ts'

export const PredictBody = Type.Object(
  {
    text: Type.String({ description: 'The text to score; at most TEXT_CHARS_MAX characters (20,000 by default).' }),
    task: Type.Optional(Name),
    return_probabilities: Type.Optional(Type.Boolean()),
    explain: Type.Optional(Type.Boolean()),
    source: Type.Optional(Source),
    id: Type.Optional(CallerId),
  },
  {
    examples: [
      { text: 'The battery died after two days, but support was lovely', return_probabilities: true, id: 'review-42' },
    ],
  },
)
export type PredictBody = Static<typeof PredictBody>

/** A stretch of the text and what it adds to the logit of each label (order of `labels`). UTF-16 offsets, `end` exclusive. */
export const ExplainedSpan = Type.Object({
  start: Type.Integer(),
  end: Type.Integer(),
  text: Type.String(),
  contributions: Type.Array(Type.Number()),
})
export type ExplainedSpan = Static<typeof ExplainedSpan>

/** How an explanation was found; `exact` where the model is a sum of its words by itself. */
export const ExplanationMethod = Type.Union([
  Type.Literal('exact'),
  Type.Literal('gradients'),
  Type.Literal('occlusion'),
])
export type ExplanationMethod = Static<typeof ExplanationMethod>

export const ExplanationBody = Type.Object({
  method: ExplanationMethod,
  labels: Type.Array(Label),
  logits: Type.Array(Type.Number()),
  bias: Type.Array(Type.Number()),
  spans: Type.Array(ExplainedSpan),
  features: Type.Array(
    Type.Object({
      feature: Type.String(),
      start: Type.Integer(),
      end: Type.Integer(),
      contributions: Type.Array(Type.Number()),
    }),
  ),
})
export type ExplanationBody = Static<typeof ExplanationBody>

export const Probabilities = Type.Record(Type.String(), Share)

export const PredictAnswer = Type.Object(
  {
    id: Type.String({ description: 'Id of the logged prediction (UUIDv7).' }),
    task: Name,
    /** The same as `label`, in the word that clients of the reference API expect. */
    sentiment: Label,
    label: Label,
    confidence: Share,
    probabilities: Type.Optional(Probabilities),
    explanation: Type.Optional(ExplanationBody),
    model: Name,
    version: Type.Integer(),
    unknown: Type.Optional(
      Type.Boolean({
        description:
          'True when the model knows none of the text’s words: the label is then what is usual, not what the text says.',
      }),
    ),
    drift: Type.Object({ drift: Type.Boolean() }),
    latency_ms: Type.Number({ description: 'From the parsed request to the end of scoring, in milliseconds.' }),
    repeated: Type.Optional(
      Type.Boolean({ description: 'True when this `id` was answered before; the first prediction is returned.' }),
    ),
  },
  { $id: 'Prediction' },
)
export type PredictAnswer = Static<typeof PredictAnswer>

export const PredictBatchBody = Type.Object(
  {
    texts: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    items: Type.Optional(
      Type.Array(Type.Object({ text: Type.String(), id: Type.Optional(CallerId), source: Type.Optional(Source) }), {
        minItems: 1,
      }),
    ),
    task: Type.Optional(Name),
    return_probabilities: Type.Optional(Type.Boolean()),
    source: Type.Optional(Source),
  },
  { examples: [{ texts: ['Lovely, and quick', 'It never arrived'] }] },
)
export type PredictBatchBody = Static<typeof PredictBatchBody>

export const ItemFault = Type.Object({ error: Type.Object({ code: Type.String(), message: Type.String() }) })
export type ItemFault = Static<typeof ItemFault>

/** In the order of the request; an item that could not be scored is a fault in its place. */
export const PredictBatchAnswer = Type.Object({ predictions: Type.Array(Type.Union([PredictAnswer, ItemFault])) })
export type PredictBatchAnswer = Static<typeof PredictBatchAnswer>

/** Explains without logging: a text, or a logged prediction whose text was kept. */
export const ExplainBody = Type.Object(
  {
    text: Type.Optional(Type.String()),
    prediction_id: Type.Optional(PredictionId),
    task: Type.Optional(Name),
    method: Type.Optional(
      Type.Union([Type.Literal('gradients'), Type.Literal('occlusion')], {
        description:
          'For a neural model: integrated gradients, which sum to what the text changes, or the change when each word is ' +
          'masked. By default gradients where the model has them. A linear model is exact in any case.',
      }),
    ),
  },
  { examples: [{ text: 'The battery died after two days, but support was lovely' }] },
)
export type ExplainBody = Static<typeof ExplainBody>

export const ExplainAnswer = Type.Object({
  task: Name,
  model: Name,
  version: Type.Integer(),
  label: Label,
  confidence: Share,
  probabilities: Probabilities,
  unknown: Type.Optional(Type.Boolean({ description: 'True when the model knows none of the text’s words.' })),
  text: Type.String(),
  explanation: ExplanationBody,
})
export type ExplainAnswer = Static<typeof ExplainAnswer>

export const FeedbackItem = Closed({
  prediction_id: PredictionId,
  label: GivenLabel,
  comment: Type.Optional(Words(1000)),
})
export type FeedbackItem = Static<typeof FeedbackItem>

/** One or many; what fits neither exactly is refused, or a part of it would be taken unchecked. */
export const FeedbackBody = Type.Union([FeedbackItem, Closed({ items: Type.Array(FeedbackItem, { minItems: 1 }) })], {
  examples: [{ prediction_id: 'review-42', label: 'positive' }],
})
export type FeedbackBody = Static<typeof FeedbackBody>

export const FeedbackResult = Type.Union([
  Type.Object({
    prediction_id: Type.String(),
    label: Label,
    /** new: the first label; repeated: the same again, nothing changed; changed: another label, which counts from now on. */
    status: Type.Union([Type.Literal('new'), Type.Literal('repeated'), Type.Literal('changed')]),
    correct: Type.Boolean(),
    previous_label: Nullable(Label),
  }),
  ItemFault,
])
export type FeedbackResult = Static<typeof FeedbackResult>

export const FeedbackAnswer = Type.Object({ results: Type.Array(FeedbackResult) })
export type FeedbackAnswer = Static<typeof FeedbackAnswer>
