/**
 * The prediction log, the registry and the keys, as the rest of the house sees them. `openStore` (openStore.ts) gives
 * one over SQLite or PostgreSQL; the conformance suite in test/contracts holds both to the same behaviour.
 *
 * Every method rejects with Fault('store_unavailable', {retryAfterSeconds}) while the database cannot be reached or
 * written, and works again by itself when it can.
 */
import type { ApiKey } from '../domain/apiKey.ts'
import type { LatencySketch } from '../domain/latencySketch.ts'
import type { Feedback, FeedbackOutcome, LoggedPrediction, Prediction } from '../domain/prediction.ts'
import type { Millis } from '../domain/time.ts'
import type { KeptEvent, TrainingRun, TrainingState, TrainingTrial } from '../domain/trainingRun.ts'
import type { Manifest, Stage, StageEvent, Version, VersionName } from '../domain/version.ts'
import type { Connections } from './database.ts'
import type { FailureCounts } from './failures.ts'
import type { ColumnFilter } from './log/columns.ts'

export type Appended =
  | { readonly kind: 'logged' }
  /** The caller's id was used before for the same text: nothing was written, this is the first prediction. */
  | { readonly kind: 'repeated'; readonly first: LoggedPrediction }
  /** The caller's id was used before for another text: nothing was written. */
  | { readonly kind: 'conflict' }

/**
 * Group commit: calls wait for the commit that carries them, a commit carries all that waits. A promise resolves
 * only after its rows are on disk (SQLite: WAL with synchronous=FULL; PostgreSQL: synchronous_commit=on).
 * A full queue rejects at once with Fault('overloaded').
 */
export interface Journal {
  /** One answer a row, in order. All rows of a call are in one commit. Outcomes are undefined-free. */
  readonly append: (predictions: readonly Prediction[]) => Promise<readonly Appended[]>
  /** The hot path: like append([prediction]), without the arrays. */
  readonly appendOne: (prediction: Prediction) => Promise<Appended>
  readonly feedback: (items: readonly Feedback[]) => Promise<readonly FeedbackOutcome[]>
  /** Rows that wait or are being committed. */
  readonly depth: number
}

export type LogFilter = ColumnFilter & {
  readonly model?: string
  readonly version?: number
  /** Inclusive. */
  readonly since?: Millis
  /** Exclusive. */
  readonly until?: Millis
  readonly feedback?: 'any' | 'none' | 'correct' | 'wrong'
  /** All words must occur; "quotes" for a phrase. Anything else in it is plain text, never query syntax. */
  readonly words?: string
}

export interface LogPage {
  readonly rows: readonly LoggedPrediction[]
  readonly next: string | null
}

/** One hour of one version, from the roll-ups that every commit updates. */
export interface HourStats {
  readonly hour: Millis
  readonly labels: Readonly<Record<string, number>>
  readonly rows: number
  readonly confidenceSum: number
  readonly latency: LatencySketch
  readonly feedbackRows: number
  readonly feedbackCorrect: number
}

export interface StatsFilter {
  readonly task?: string
  readonly model?: string
  readonly version?: number
  readonly since: Millis
  readonly until: Millis
}

export interface Log {
  /** By the prediction's id, else by the caller's own (the newest, where several tasks have it). */
  get(id: string): Promise<LoggedPrediction | null>
  /** Newest first; `cursor` is what the page before returned as `next`. A malformed cursor rejects with Fault('bad_request'). */
  page(filter: LogFilter, limit: number, cursor: string | null): Promise<LogPage>
  /** The same rows in chunks, oldest chunk last, in constant memory; stops when the consumer stops. */
  stream(filter: LogFilter, limit?: number): AsyncIterable<readonly LoggedPrediction[]>
  /** Hours ascending; hours without rows are absent. Under 100 ms over ten million logged rows. */
  hours(filter: StatsFilter): Promise<readonly HourStats[]>
  /** Deletes what is older or more than allowed, in bounded steps; returns how many rows went. Safe to stop at any time. */
  retain(limits: {
    rowsMax: number | null
    olderThan: Millis | null
    stepRows: number
    stepsMax: number
  }): Promise<number>
  count(): Promise<number>
}

export interface ArtifactBlob {
  readonly name: string
  readonly bytes: Uint8Array
}

/** Who decided, why and when. */
export interface Decision {
  readonly who: string
  readonly why: string
  readonly at: Millis
}

export interface Registry {
  models(): Promise<readonly Version[]>
  get(model: string, version: number): Promise<Version | null>
  findByDigest(digest: string): Promise<Version | null>
  /** Gives the next number of the model and the stage `staging`; the digest must be new, else the version that has it is returned. */
  register(entry: {
    manifest: Manifest
    digest: string
    who: string
    why: string
    at: Millis
    files: AsyncIterable<ArtifactBlob> | Iterable<ArtifactBlob> | null
  }): Promise<Version>
  /**
   * One transaction: the version goes to production, the one that was there goes to archived. Rejects with Fault('stage_conflict')
   * where it makes no sense (already there), Fault('version_unknown') where it does not exist. Called by loop/promote.ts
   * alone, which proves first that the version answers.
   */
  promote(change: VersionName & Decision): Promise<StageEvent>
  archive(change: VersionName & Decision): Promise<StageEvent>
  /**
   * The version of the task's production before the present one takes its place again. Rejects with Fault('stage_conflict')
   * where that is not `to`, which is what was proven. Called by loop/promote.ts alone.
   */
  rollBack(change: { model: string; to: VersionName } & Decision): Promise<StageEvent>
  /** By task the version that a roll-back would return to; a task without one is absent. */
  rollBackTargets(): Promise<ReadonlyMap<string, Version>>
  /** Ascending, those after `afterSeq`; or with `newestFirst` descending. */
  events(filter: {
    model?: string
    afterSeq?: number
    newestFirst?: boolean
    limit: number
  }): Promise<readonly StageEvent[]>
  /** The seq of the newest event, 0 without any: cheap enough to ask every second. */
  head(): Promise<number>
  /** The files that `register` was given, by name, one in memory at a time; none where none are kept (a store that only this machine uses keeps them on disk). */
  files(digest: string): AsyncIterable<ArtifactBlob>
  /** Per task the version in production. */
  production(): Promise<ReadonlyMap<string, Version>>
  stageOf(model: string, version: number): Promise<Stage | null>
}

export interface Keys {
  create(key: ApiKey): Promise<void>
  list(): Promise<readonly ApiKey[]>
  get(id: string): Promise<ApiKey | null>
  /** False when there is no such key. */
  revoke(id: string, at: Millis): Promise<boolean>
}

/** Who works on a run, and since when a run without a sign of life counts as dead. */
export interface TrainingWorker {
  /** A name that no other process has. */
  readonly worker: string
  readonly at: Millis
  /** A running run that was last heard of before this is dead. */
  readonly deadBefore: Millis
}

/** An event for the record; a point of the curve says which one it is. */
export interface TrainingEntry extends KeptEvent {
  /** 0, 1, 2 … for a point, null for anything else. */
  readonly point: number | null
}

export interface TrainingPlace {
  /** The newest event's number; 0 before the first. */
  readonly seq: number
  /** Points that were seen, also those that the curve does not keep. */
  readonly points: number
}

export interface TrainingRuns {
  /** A new run, queued. Rejects with Fault('overloaded') where too many wait. The oldest that are over go. */
  create(run: Pick<TrainingRun, 'id' | 'asked' | 'who' | 'createdAt' | 'unattended'>): Promise<TrainingRun>
  get(id: string): Promise<TrainingRun | null>
  /** Newest first. */
  page(
    filter: { model?: string; state?: TrainingState },
    limit: number,
    before: string | null,
  ): Promise<readonly TrainingRun[]>
  /**
   * Takes a run that waits or was interrupted, if no other is being worked on. One at a time, over all processes.
   * `dead` running runs become interrupted first.
   */
  claim(
    id: string,
    by: TrainingWorker,
  ): Promise<
    | { readonly kind: 'taken'; readonly run: TrainingRun; readonly place: TrainingPlace }
    /** Another run is under way. */
    | { readonly kind: 'busy'; readonly run: TrainingRun }
    /** It is over, or somebody works on it already. */
    | { readonly kind: 'not-waiting'; readonly run: TrainingRun }
  >
  /** Whether a run waits for a server, or one is under way that may have lost its process. Cheap. */
  anyUnattended(): Promise<boolean>
  /** The oldest run that waits for a server: queued or interrupted, unattended, started fewer than `attemptsMax` times. */
  nextUnattended(by: TrainingWorker, attemptsMax: number): Promise<TrainingRun | null>
  /**
   * Writes what happened and that the worker lives. Writing the same entries again changes nothing. Points beyond
   * what a curve keeps go.
   */
  append(
    id: string,
    by: Pick<TrainingWorker, 'worker' | 'at'>,
    entries: readonly TrainingEntry[],
  ): Promise<{ readonly cancelAsked: boolean /** Another process has the run now. */; readonly lost: boolean }>
  /** The end of an attempt. False where another process has the run now. */
  end(
    id: string,
    by: Pick<TrainingWorker, 'worker' | 'at'>,
    how: { state: Exclude<TrainingState, 'queued' | 'running'> } & Pick<TrainingRun, 'result' | 'fault'>,
  ): Promise<boolean>
  /** What waits is cancelled at once, what runs is asked to stop. Rejects with Fault('run_over') where it is over. */
  cancel(id: string, at: Millis): Promise<TrainingRun>
  /** Ascending, after a number. */
  events(id: string, afterSeq: number, limit: number): Promise<readonly KeptEvent[]>
  /** In the order of their numbers. */
  trials(id: string): Promise<readonly TrainingTrial[]>
}

export interface Store {
  /** `sqlite` or `postgres`, for people. */
  readonly dialect: 'sqlite' | 'postgres'
  /** Several replicas may use it, so artifacts are kept in it. */
  readonly shared: boolean
  readonly journal: Journal
  readonly log: Log
  readonly registry: Registry
  readonly keys: Keys
  readonly trainingRuns: TrainingRuns
  /** Writes and reads back; rejects when that fails, when commits fail, or when damage was met. */
  check(): Promise<void>
  /** What is damaged, in words; nothing where all is well. Reads the whole database. */
  integrity(): Promise<readonly string[]>
  /** Failures of the database since it was opened, by the code of their fault, and whether damage was met. */
  readonly failures: { readonly counts: FailureCounts; readonly damaged: boolean }
  /** Connections to a database server; null where there is none. */
  connections(): Connections | null
  /** Bytes on disk, and what else an operator wants to see. */
  facts(): Promise<Readonly<Record<string, number | string>>>
  /** Ends what is under way with a Fault and refuses what comes: for a stop whose time is up. Then `close`. */
  abandon(): void
  /** Commits what was accepted, then closes. */
  close(): Promise<void>
}
