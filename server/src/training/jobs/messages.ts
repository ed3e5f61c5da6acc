/** What a training process and the one that started it say to each other: JSON, read with a schema on either side. */
import { type Static, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'
import type { FaultCode } from '../../domain/faults.ts'
import { faults } from '../../domain/faults.ts'
import type { TrainingAsked, TrainingEvent, TrainingFile, TrainingTrial } from '../../domain/trainingRun.ts'
import { trialStates } from '../../domain/trainingRun.ts'

/** The job that a training process receives. */
export interface Job {
  readonly asked: TrainingAsked
  /** The data as files, in order: what comes from the log was written into one before. `name` is what the manifest calls it. */
  readonly files: readonly (TrainingFile & { readonly name: string; readonly labelled: boolean })[]
  /** The run's own folder. */
  readonly folder: string
  /** What the weights start from, as a folder; null for what the recipe starts from. */
  readonly base: string | null
  /** The trials of an earlier attempt. */
  readonly trials: readonly TrainingTrial[]
  readonly threads: number
  /** What is added to the process's niceness, 0 … 19. */
  readonly niceness: number
  /** The version of Barometer. */
  readonly engine: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
}

export type ToChild = { readonly kind: 'start'; readonly job: Job } | { readonly kind: 'stop' }

const text = (max: number) => Type.String({ maxLength: max })
const Count = Type.Integer({ minimum: 0 })
const Setting = Type.Union([Type.Number(), text(1000), Type.Boolean()])
const Settings = Type.Record(text(100), Setting)

const Event = Type.Union([
  Type.Object({ kind: Type.Literal('phase'), name: text(200) }),
  Type.Object({ kind: Type.Literal('note'), words: text(2000) }),
  Type.Object({
    kind: Type.Literal('point'),
    step: Count,
    epoch: Type.Number({ minimum: 0 }),
    rows: Type.Number({ minimum: 0 }),
    loss: Type.Number(),
    learningRate: Type.Optional(Type.Number()),
    gradientNorm: Type.Optional(Type.Number()),
    rowsPerSecond: Type.Number(),
    etaSeconds: Type.Union([Type.Number(), Type.Null()]),
    trial: Type.Optional(Count),
  }),
  Type.Object({
    kind: Type.Literal('evaluated'),
    epoch: Type.Number({ minimum: 0 }),
    rows: Count,
    metrics: Type.Record(text(100), Type.Number()),
    trial: Type.Optional(Count),
  }),
  Type.Object({
    kind: Type.Literal('trial'),
    number: Count,
    state: Type.Union(trialStates.map((state) => Type.Literal(state))),
    parameters: Settings,
    values: Type.Array(Type.Number(), { maxItems: 10_000 }),
  }),
])

const ReadBody = Type.Object({
  name: text(1000),
  rows: Count,
  textColumn: text(1000),
  labelColumn: text(1000),
  columnsGuessed: Type.Boolean(),
  labels: Type.Array(Type.Tuple([text(200_000), Count])),
  duplicates: Count,
  contradictions: Count,
  bad: Count,
  blank: Count,
  notes: Type.Array(text(2000), { maxItems: 20 }),
  badShown: Type.Array(Type.Object({ line: Count, reason: text(2000) }), { maxItems: 100 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
})
/** What was found in a data file. */
export type ReadBody = Static<typeof ReadBody>

const FromChild = Type.Union([
  Type.Object({ kind: Type.Literal('event'), event: Event }),
  /** Progress, for display; not kept. */
  Type.Object({
    kind: Type.Literal('progress'),
    share: Type.Union([Type.Number({ minimum: 0, maximum: 1 }), Type.Null()]),
    words: text(500),
  }),
  Type.Object({ kind: Type.Literal('read'), read: ReadBody }),
  /** The artifact lies in the run's folder. */
  Type.Object({
    kind: Type.Literal('trained'),
    digest: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    facts: Type.Record(text(100), Type.Number()),
  }),
  Type.Object({ kind: Type.Literal('failed'), code: text(100), say: text(4000) }),
  Type.Object({ kind: Type.Literal('stopped') }),
])

export type FromChild =
  | { readonly kind: 'event'; readonly event: TrainingEvent }
  | Exclude<Static<typeof FromChild>, { kind: 'event' }>

/** @throws where a message is not of the form; the whole message is discarded then. */
export function readFromChild(message: unknown): FromChild {
  if (Value.Check(FromChild, message)) return message
  throw new Error(`the training process sent something that is no message: ${first(FromChild, message)}`)
}

function first(schema: TSchema, message: unknown): string {
  const error = Value.Errors(schema, message)[0]
  return error === undefined ? 'unknown' : `${error.instancePath} ${error.message}`
}

export function faultCodeOf(code: string): FaultCode {
  return Object.hasOwn(faults, code) ? (code as FaultCode) : 'internal' // its own property of the table
}
