/** What a training run reports to an experiment tracker. No failure or delay of the tracker affects the run. */
import type { Millis } from '../../domain/time.ts'
import type { TrainingEvent, TrainingRun } from '../../domain/trainingRun.ts'
import type { Manifest, Version } from '../../domain/version.ts'

export interface TrackedEnd {
  readonly state: Exclude<TrainingRun['state'], 'queued' | 'running'>
  readonly version: Version | null
  /** The version's files: those that are held, and where the others lie. */
  readonly artifact: {
    readonly manifest: Manifest
    readonly files: Readonly<Record<string, Uint8Array>>
    readonly paths: Readonly<Record<string, string>>
  } | null
  readonly promoted: boolean
  readonly at: Millis
}

export interface RunTracker {
  /** Returns at once. */
  event(event: TrainingEvent, at: Millis): void
  /** Resolves when all was sent or given up, in bounded time. Never rejects. */
  end(end: TrackedEnd): Promise<void>
}
