import { type Static, Type } from 'typebox'
import { Label, Nullable } from './common.ts'
import { Closed, Limit, Name, Time, Why } from './parameters.ts'

export const Stage = Type.Union([Type.Literal('staging'), Type.Literal('production'), Type.Literal('archived')])
export type Stage = Static<typeof Stage>

export const EstimateBody = Type.Object({ value: Type.Number(), low: Type.Number(), high: Type.Number() })
export type EstimateBody = Static<typeof EstimateBody>

export const EvaluationBody = Type.Object({
  name: Type.String(),
  rows: Type.Integer(),
  metrics: Type.Record(Type.String(), EstimateBody),
  confusion: Type.Optional(Type.Array(Type.Array(Type.Integer()))),
})
export type EvaluationBody = Static<typeof EvaluationBody>

export const VersionBody = Type.Object({
  model: Name,
  version: Type.Integer(),
  task: Name,
  stage: Stage,
  kind: Type.String(),
  labels: Type.Array(Label),
  digest: Type.String(),
  made_at: Type.String({ format: 'date-time', description: 'When it was made, by its manifest.' }),
  created_at: Type.String({ format: 'date-time', description: 'When it was registered here.' }),
  serving: Type.Boolean(),
  recipe: Type.String(),
  data: Type.Object({
    rows: Type.Integer(),
    sha256: Type.String(),
    sources: Type.Array(
      Type.Object({ name: Type.String(), rows: Type.Integer(), terms: Type.Optional(Type.String()) }),
    ),
  }),
  calibration: Type.Object({ temperature: Type.Number(), rows: Type.Integer(), ece: Type.Number() }),
  evaluations: Type.Array(EvaluationBody),
  bytes: Type.Integer(),
  card: Nullable(Type.String({ description: 'The model card, Markdown.' })),
})
export type VersionBody = Static<typeof VersionBody>

export const VersionName = Type.Object({ model: Name, version: Type.Integer() })

export const ModelBody = Type.Object({
  model: Name,
  task: Name,
  production: Nullable(Type.Integer()),
  /** What a roll-back would put into production; null where nothing was there before. */
  roll_back_to: Nullable(VersionName),
  versions: Type.Array(VersionBody),
})
export type ModelBody = Static<typeof ModelBody>

export const ModelsAnswer = Type.Object({ models: Type.Array(ModelBody) })
export type ModelsAnswer = Static<typeof ModelsAnswer>

/** POST /models/:model/versions/:version/stage */
export const StageBody = Closed(
  {
    action: Type.Union([Type.Literal('promote'), Type.Literal('archive')]),
    why: Type.Optional(Why),
  },
  { examples: [{ action: 'promote', why: 'better on the texts of last month' }] },
)
export type StageBody = Static<typeof StageBody>

/** POST /models/:model/rollback: the version that was in production before takes its place again. */
export const RollbackBody = Closed({ why: Type.Optional(Why) }, { examples: [{ why: 'worse on the texts of today' }] })
export type RollbackBody = Static<typeof RollbackBody>

export const StageEventBody = Type.Object({
  seq: Type.Integer(),
  at: Time,
  model: Name,
  version: Type.Integer(),
  task: Name,
  from: Nullable(Stage),
  to: Stage,
  action: Type.Union([
    Type.Literal('register'),
    Type.Literal('promote'),
    Type.Literal('archive'),
    Type.Literal('roll-back'),
  ]),
  /** Of a change of production: the version that left. */
  replaced: Nullable(VersionName),
  summary: Type.String({ description: 'The event in words, such as “Rolled back from 2 to 1”.' }),
  who: Type.String(),
  why: Type.String(),
})
export type StageEventBody = Static<typeof StageEventBody>

export const StageEventsQuery = Closed({ limit: Type.Optional(Limit(1000)) })
export type StageEventsQuery = Static<typeof StageEventsQuery>

export const StageEventsAnswer = Type.Object({ events: Type.Array(StageEventBody) })
export type StageEventsAnswer = Static<typeof StageEventsAnswer>
