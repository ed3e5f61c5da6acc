import { type Static, Type } from 'typebox'
import { Nullable } from './common.ts'
import { Closed, Cursor, GivenTime, Limit, Name, Time, Why, Words } from './parameters.ts'

const Setting = Type.Union([Type.Number(), Words(1000), Type.Boolean()])
const Settings = Type.Record(Type.String({ pattern: '^[^\\u0000]{1,100}$' }), Setting, {
  maxProperties: 100,
  additionalProperties: false,
})

export const TrainingState = Type.Union([
  Type.Literal('queued'),
  Type.Literal('running'),
  Type.Literal('succeeded'),
  Type.Literal('failed'),
  Type.Literal('cancelled'),
  Type.Literal('interrupted'),
])
export type TrainingState = Static<typeof TrainingState>

const DataPath = Type.String({
  minLength: 1,
  maxLength: 500,
  pattern: '^[^\\u0000]+$',
  description: 'A file below the folder `data` of BAROMETER_HOME.',
})

const FileData = Closed({
  kind: Type.Literal('file'),
  path: DataPath,
  text_column: Type.Optional(Words(200)),
  label_column: Type.Optional(Words(200)),
  header: Type.Optional(Type.Boolean({ description: 'false: the first line is a row already' })),
  format: Type.Optional(
    Type.Union(
      [Type.Literal('csv'), Type.Literal('tsv'), Type.Literal('jsonl'), Type.Literal('txt'), Type.Literal('parquet')],
      { description: "Where the name's ending does not tell." },
    ),
  ),
  encoding: Type.Optional(
    Type.String({ maxLength: 40, description: 'Default: what its byte order mark says, or else UTF-8.' }),
  ),
})

const FeedbackData = Closed({
  kind: Type.Literal('feedback'),
  task: Type.Optional(Name),
  since: Type.Optional(GivenTime),
})

const LogData = Closed({
  kind: Type.Literal('log'),
  task: Type.Optional(Name),
  since: Type.Optional(GivenTime),
})

/** POST /training-runs */
export const TrainingRunAsk = Closed(
  {
    model: Name,
    task: Type.Optional(Name),
    recipe: Type.Optional(Words(100)),
    data: Type.Union([FileData, FeedbackData, LogData], {
      description:
        'Labelled rows of a file; the logged texts of a task with the labels that people told; or without, for a student.',
    }),
    test: Type.Optional(FileData),
    unlabelled: Type.Optional(
      Closed(
        { path: DataPath, text_column: FileData.properties.text_column },
        { description: 'Texts of a file beside `data`, whatever their labels say: to pre-train on, or for a student.' },
      ),
    ),
    from: Type.Optional(Words(300, { description: '`hf:OWNER/NAME` or `NAME@VERSION`.' })),
    quick: Type.Optional(Type.Boolean()),
    parameters: Type.Optional(Settings),
    seed: Type.Optional(Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 })),
    search: Type.Optional(Closed({ trials: Type.Integer({ minimum: 1, maximum: 1000 }) })),
    promote: Type.Optional(Type.Boolean()),
    why: Type.Optional(Why),
  },
  { examples: [{ model: 'ours', task: 'sentiment', data: { kind: 'feedback' }, quick: true }] },
)
export type TrainingRunAsk = Static<typeof TrainingRunAsk>

export const TrainingPointBody = Type.Object({
  step: Type.Integer(),
  epoch: Type.Number(),
  rows: Type.Number(),
  loss: Type.Number(),
  learning_rate: Nullable(Type.Number()),
  gradient_norm: Nullable(Type.Number()),
  rows_per_second: Type.Number(),
  eta_seconds: Nullable(Type.Number()),
  trial: Nullable(Type.Integer()),
})
export type TrainingPointBody = Static<typeof TrainingPointBody>

export const TrainingEvaluatedBody = Type.Object({
  epoch: Type.Number(),
  rows: Type.Integer(),
  metrics: Type.Record(Type.String(), Type.Number()),
  trial: Nullable(Type.Integer()),
})
export type TrainingEvaluatedBody = Static<typeof TrainingEvaluatedBody>

export const TrainingTrialBody = Type.Object({
  number: Type.Integer(),
  state: Type.Union([
    Type.Literal('running'),
    Type.Literal('complete'),
    Type.Literal('pruned'),
    Type.Literal('failed'),
  ]),
  parameters: Settings,
  values: Type.Array(Type.Number(), { description: 'The held-out loss after each epoch.' }),
})
export type TrainingTrialBody = Static<typeof TrainingTrialBody>

export const TrainingRunBody = Type.Object({
  id: Type.String(),
  model: Name,
  task: Name,
  recipe: Type.String(),
  state: TrainingState,
  who: Type.String(),
  why: Type.String(),
  created_at: Time,
  started_at: Nullable(Time),
  ended_at: Nullable(Time),
  attempts: Type.Integer(),
  cancelling: Type.Boolean(),
  from: Nullable(Type.String()),
  parameters: Settings,
  seed: Type.Integer(),
  trials_asked: Nullable(Type.Integer()),
  result: Nullable(Type.Object({ model: Name, version: Type.Integer() })),
  fault: Nullable(Type.Object({ code: Type.String(), message: Type.String() })),
  point: Nullable(TrainingPointBody),
  evaluated: Nullable(TrainingEvaluatedBody),
})
export type TrainingRunBody = Static<typeof TrainingRunBody>

export const TrainingRunDetail = Type.Object({ run: TrainingRunBody, trials: Type.Array(TrainingTrialBody) })
export type TrainingRunDetail = Static<typeof TrainingRunDetail>

export const TrainingRunsQuery = Closed({
  model: Type.Optional(Name),
  state: Type.Optional(TrainingState),
  limit: Type.Optional(Limit(200)),
  cursor: Type.Optional(Cursor),
})
export type TrainingRunsQuery = Static<typeof TrainingRunsQuery>

export const TrainingRunsAnswer = Type.Object({ runs: Type.Array(TrainingRunBody), next: Nullable(Cursor) })
export type TrainingRunsAnswer = Static<typeof TrainingRunsAnswer>
