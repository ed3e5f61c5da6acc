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

/** A version by its name and number. */
export interface VersionName {
  readonly model: string
  readonly version: number
}

/** An append-only record of one decision about a version. A change of production is one, with the version that left. */
export interface StageEvent {
  readonly seq: number
  readonly at: Millis
  readonly model: string
  readonly version: number
  readonly task: string
  readonly from: Stage | null
  readonly to: Stage
  readonly action: 'register' | 'promote' | 'archive' | 'roll-back'
  /** Of a change of production: the version that was there and is archived now; null where there was none. */
  readonly replaced: VersionName | null
  readonly who: string
  readonly why: string
}

/** The event in words. Versions are told by their number alone where all belong to one model. */
export function summaryOf({ action, model, version, replaced }: StageEvent): string {
  const named = replaced !== null && replaced.model !== model
  const words = (one: VersionName) => (named ? `${one.model}@${one.version}` : String(one.version))
  const it = words({ model, version })
  switch (action) {
    case 'register':
      return `Registered ${it}`
    case 'archive':
      return `Archived ${it}`
    case 'promote':
      return replaced === null ? `Promoted ${it}` : `Promoted ${it} in place of ${words(replaced)}`
    case 'roll-back':
      return replaced === null ? `Rolled back to ${it}` : `Rolled back from ${words(replaced)} to ${it}`
    default:
      return action satisfies never
  }
}
