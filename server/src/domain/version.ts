/**
 * A model version: an immutable artifact folder that proves itself.
 *
 * The folder holds `manifest.json` and the files that the manifest lists. The registry gives the version
 * its number; the artifact itself only knows its digest (the sha256 of `manifest.json`, byte for byte).
 */
import type { Millis } from './time.ts'

export const stages = ['staging', 'production', 'archived'] as const
export type Stage = (typeof stages)[number]

/** An estimate with its 95 % bootstrap interval. */
export interface Estimate {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** One evaluation of a version on one named set of rows that it was not trained on. */
export interface Evaluation {
  /** For instance `imdb/test` or `held-out`. */
  readonly name: string
  readonly rows: number
  /** By metric name: accuracy, macroRecall, macroF1, logLoss, brier, ece, rocAuc. A metric that the rows do not define is absent. */
  readonly metrics: Readonly<Record<string, Estimate>>
  /** [actual][predicted] counts, in the order of the labels. */
  readonly confusion?: readonly (readonly number[])[]
}

/**
 * The family that can load an artifact. Of texts: a linear model, one behind the rule of stated severities, a neural
 * encoder, or a linear model that passes what it is unsure of on to an encoder. Of telemetry: a recurrent network.
 */
export const modelKinds = ['linear', 'severity', 'transformer', 'cascade', 'lstm'] as const
export type ModelKind = (typeof modelKinds)[number]

export interface ArtifactFile {
  readonly bytes: number
  /** Lower-case hexadecimal. */
  readonly sha256: string
}

export interface DataSource {
  readonly name: string
  readonly rows: number
  /** Licence or terms of use, in a few words. */
  readonly terms?: string
}

export interface Manifest {
  readonly format: 1
  readonly kind: ModelKind
  readonly model: string
  readonly task: string
  readonly labels: readonly string[]
  readonly recipe: { readonly name: string; readonly parameters: Readonly<Record<string, number | string | boolean>> }
  readonly seed: number
  readonly data: { readonly rows: number; readonly sha256: string; readonly sources: readonly DataSource[] }
  readonly evaluations: readonly Evaluation[]
  readonly calibration: { readonly temperature: number; readonly rows: number; readonly ece: number }
  readonly files: Readonly<Record<string, ArtifactFile>>
  /** The version of Barometer that made it. */
  readonly engine: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
}

/** A version as the registry knows it. */
export interface Version {
  readonly model: string
  /** 1, 2, 3 … within the model. */
  readonly version: number
  readonly task: string
  readonly stage: Stage
  /** sha256 of manifest.json. */
  readonly digest: string
  readonly manifest: Manifest
  readonly createdAt: Millis
}

/** An append-only record of one change of stage. */
export interface StageEvent {
  readonly seq: number
  readonly at: Millis
  readonly model: string
  readonly version: number
  readonly task: string
  readonly from: Stage | null
  readonly to: Stage
  readonly action: 'register' | 'promote' | 'archive' | 'roll-back'
  readonly who: string
  readonly why: string
}
