/** What every trainer has in common: its needs and its result. */

import type { TrainingEvent } from '../../domain/trainingRun.ts'
import type { Evaluation } from '../../domain/version.ts'
import type { Artifact } from '../../versions/artifacts/artifact.ts'

export interface TrainerNeeds {
  readonly onEvent: (event: TrainingEvent) => void
  /**
   * Fires when the run is to stop. The trainer writes a checkpoint and rejects with the signal's reason, within seconds.
   * A trainer yields to the event loop at least once a second (`setImmediate`), or the signal has no effect.
   */
  readonly signal: AbortSignal
  /** A folder of its own for checkpoints, empty at first; the same one when the run is taken up again. */
  readonly folder: string
}

export interface Trained {
  readonly artifact: Artifact
  readonly evaluations: readonly Evaluation[]
  /** What a person wants to read at the end, by name: rows, features, steps, parameters … */
  readonly facts: Readonly<Record<string, number>>
}
