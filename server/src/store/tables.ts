/**
 * The tables, as both databases have them. Integers stand for booleans, text for JSON, so that a row reads the same
 * from either. Times are milliseconds since 1970, UTC. What a commit writes is in log/columns.ts.
 */
import type { Generated } from 'kysely'
import type { TrainingState } from '../domain/trainingRun.ts'
import type { Stage, StageEvent } from '../domain/version.ts'
import type { currentColumns, feedbackColumns, hoursColumns, PredictionsRow, RowOf } from './log/columns.ts'

export interface Tables {
  predictions: PredictionsTable
  feedback: Omit<FeedbackTable, 'seq'> & { seq: Generated<number> }
  feedback_current: FeedbackCurrentTable
  hours: HoursTable
  versions: Omit<VersionsTable, 'id'> & { id: Generated<number> }
  stage_events: Omit<StageEventsTable, 'seq'> & { seq: Generated<number> }
  artifact_files: ArtifactFilesTable
  api_keys: ApiKeysTable
  training_runs: TrainingRunsTable
  training_events: TrainingEventsTable
  training_trials: TrainingTrialsTable
  marks: MarksTable
  migrations: MigrationsTable
}

export type PredictionsTable = PredictionsRow
export type FeedbackTable = RowOf<Omit<typeof feedbackColumns, 'comment' | 'key_id'>> & {
  seq: number
  comment: string | null
  key_id: string | null
}
export type FeedbackCurrentTable = RowOf<typeof currentColumns>
export type HoursTable = RowOf<typeof hoursColumns>

export interface VersionsTable {
  id: number
  model: string
  version: number
  task: string
  stage: Stage
  digest: string
  /** JSON. */
  manifest: string
  /** JSON, in the order of the manifest. */
  labels: string
  created_at: number
}

/** Append-only: a trigger refuses everything else. */
export interface StageEventsTable {
  seq: number
  at: number
  version_id: number
  from_stage: Stage | null
  to_stage: Stage
  action: StageEvent['action']
  who: string
  why: string
}

export interface ArtifactFilesTable {
  digest: string
  name: string
  bytes: Uint8Array
}

export interface ApiKeysTable {
  id: string
  name: string
  hash: string
  /** JSON. */
  scopes: string
  rate_per_minute: number | null
  created_at: number
  expires_at: number | null
  revoked_at: number | null
}

export interface TrainingRunsTable {
  /** UUIDv7 in lower case: orders by time. */
  id: string
  model: string
  task: string
  recipe: string
  /** JSON. */
  asked: string
  state: TrainingState
  who: string
  created_at: number
  started_at: number | null
  ended_at: number | null
  heartbeat_at: number | null
  /** The process that works on it, by a name of its own; a process that has lost the run writes nothing more. */
  worker: string | null
  attempts: number
  cancel_asked: number
  unattended: number
  result_model: string | null
  result_version: number | null
  /** JSON. */
  fault: string | null
  /** JSON: the newest of each, so that a list of runs needs no curve. */
  point: string | null
  evaluated: string | null
}

/** Append-only but for the thinning of curves. */
export interface TrainingEventsTable {
  run_id: string
  seq: number
  at: number
  /** Which point of the curve this is, 0, 1, 2 …; null for what is no point. */
  point: number | null
  /** JSON. */
  event: string
}

export interface TrainingTrialsTable {
  run_id: string
  number: number
  /** JSON, as it was told last. */
  trial: string
}

/**
 * Numbers that the store remembers: `removed` (rows that retention deleted), `seq` (the highest position that
 * retention deleted, so that it is not given again), `indexed` (the full-text index has all rows up to it), `checked`.
 */
export interface MarksTable {
  name: string
  value: number
}

export interface MigrationsTable {
  number: number
  name: string
  at: number
}
