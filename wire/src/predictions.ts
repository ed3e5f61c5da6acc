import { type Static, Type } from 'typebox'
import { Label, Nullable, Share } from './common.ts'
import { Closed, Cursor, GivenLabel, GivenTime, Limit, Name, Source, Time, VersionNumber } from './parameters.ts'
import { Probabilities } from './predict.ts'

/** One row of the log. `text` is null where it was not kept. */
export const LoggedPrediction = Type.Object({
  id: Type.String(),
  at: Time,
  task: Name,
  model: Name,
  version: Type.Integer(),
  variant: Type.String(),
  label: Label,
  confidence: Share,
  probabilities: Probabilities,
  latency_ms: Type.Number(),
  drift: Type.Boolean(),
  text: Nullable(Type.String()),
  chars: Type.Integer(),
  tokens: Type.Integer(),
  source: Nullable(Type.String()),
  caller_id: Nullable(Type.String()),
  feedback: Nullable(Type.Object({ label: Label, at: Time, correct: Type.Boolean(), changes: Type.Integer() })),
})
export type LoggedPrediction = Static<typeof LoggedPrediction>

export const PredictionFilter = Closed({
  task: Type.Optional(Name),
  label: Type.Optional(GivenLabel),
  model: Type.Optional(Name),
  version: Type.Optional(VersionNumber),
  source: Type.Optional(Source),
  since: Type.Optional(GivenTime),
  until: Type.Optional(GivenTime),
  confidence_min: Type.Optional(Share),
  confidence_max: Type.Optional(Share),
  feedback: Type.Optional(
    Type.Union([Type.Literal('any'), Type.Literal('none'), Type.Literal('correct'), Type.Literal('wrong')]),
  ),
  q: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      pattern: '^[^\\u0000]+$',
      description: 'Words that the text must contain, all of them; "quotes" for a phrase.',
    }),
  ),
})
export type PredictionFilter = Static<typeof PredictionFilter>

export const PredictionsQuery = Closed({
  ...PredictionFilter.properties,
  limit: Type.Optional(Limit(1000)),
  cursor: Type.Optional(Cursor),
  format: Type.Optional(Type.Union([Type.Literal('json'), Type.Literal('csv'), Type.Literal('ndjson')])),
})
export type PredictionsQuery = Static<typeof PredictionsQuery>

/** Newest first. `next` is null on the last page. */
export const PredictionsPage = Type.Object({
  predictions: Type.Array(LoggedPrediction),
  next: Nullable(Cursor),
})
export type PredictionsPage = Static<typeof PredictionsPage>

export const StatsQuery = Closed({
  task: Type.Optional(Name),
  model: Type.Optional(Name),
  version: Type.Optional(VersionNumber),
  since: Type.Optional(GivenTime),
  until: Type.Optional(GivenTime),
})
export type StatsQuery = Static<typeof StatsQuery>

/** Percentiles in milliseconds, from a sketch with a relative error of at most 2.5 %; null without rows. */
export const LatencyBody = Type.Object({
  p50: Nullable(Type.Number()),
  p95: Nullable(Type.Number()),
  p99: Nullable(Type.Number()),
})
export type LatencyBody = Static<typeof LatencyBody>

export const StatsBucket = Type.Object({
  hour: Time,
  predictions: Type.Integer(),
  labels: Type.Record(Type.String(), Type.Integer()),
  confidence: Nullable(Share),
  latency_ms: LatencyBody,
})
export type StatsBucket = Static<typeof StatsBucket>

export const StatsAnswer = Type.Object({
  since: Time,
  until: Time,
  total: Type.Object({
    predictions: Type.Integer(),
    labels: Type.Record(Type.String(), Type.Integer()),
    label_shares: Type.Record(Type.String(), Share),
    confidence: Nullable(Share),
    latency_ms: LatencyBody,
    feedback: Type.Object({ rows: Type.Integer(), correct: Type.Integer(), accuracy: Nullable(Share) }),
  }),
  hours: Type.Array(StatsBucket),
})
export type StatsAnswer = Static<typeof StatsAnswer>

/** Server-sent events of GET /events: `event: prediction` carries this, `event: feedback` and `event: stage` their own bodies. */
export const PredictionEvent = Type.Object({
  id: Type.String(),
  at: Time,
  task: Name,
  model: Name,
  version: Type.Integer(),
  label: Label,
  confidence: Share,
  latency_ms: Type.Number(),
  drift: Type.Boolean(),
  source: Nullable(Type.String()),
  /** The first 280 characters of what the log keeps of the text. */
  text: Nullable(Type.String()),
})
export type PredictionEvent = Static<typeof PredictionEvent>

export const FeedbackEvent = Type.Object({ prediction_id: Type.String(), label: Label, correct: Type.Boolean() })
export type FeedbackEvent = Static<typeof FeedbackEvent>

/** How many events a slow or busy connection was not sent. */
export const SkippedEvent = Type.Object({ predictions: Type.Integer() })
export type SkippedEvent = Static<typeof SkippedEvent>

/** `after`: id of the last event that is known already. */
export const EventsQuery = Closed({
  after: Type.Optional(Type.String({ pattern: '^[0-9a-z]{1,20}-[0-9]{1,15}$' })),
})
