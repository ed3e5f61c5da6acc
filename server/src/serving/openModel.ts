/**
 * From a proven version of any kind to a model that scores: the one place that knows every family. What neural models need,
 * ONNX Runtime above all, is loaded with the first of them: a server without one does without its 10 MB.
 */
import { availableParallelism } from 'node:os'
import { ScoringPool, type ScoringPoolObserver } from '../engine/serve/scoringPool.ts'
import { type ServedModel, servedQueue, servedText } from '../models/servedModel.ts'
import type { Detector } from '../models/telemetry/detector.ts'
import type { Artifact } from '../versions/artifacts/artifact.ts'
import { decodeArtifact, type OpenModel } from '../versions/artifacts/loadArtifact.ts'

export interface ModelOpener {
  readonly open: OpenModel
  /** Texts that wait for a neural model. */
  readonly depth: () => number
  /** Ends the threads that neural models share; close the models first. */
  close(): Promise<void>
}

export interface ModelOpenerOptions {
  /** 0 for one a core. */
  readonly threads?: number
  /** Texts that may wait. */
  readonly textsMax?: number
  /** Niceness of the threads. */
  readonly niceness?: number
  readonly observe?: ScoringPoolObserver
}

/** The default for texts that may wait: the windows of a few callers. */
const TEXTS_MAX = 1024

export function modelOpener({
  threads = 0,
  textsMax = TEXTS_MAX,
  niceness = 0,
  observe,
}: ModelOpenerOptions = {}): ModelOpener {
  let pool: ScoringPool | null = null
  const poolOf = () =>
    (pool ??= new ScoringPool({
      threads: threads === 0 ? availableParallelism() : threads,
      textsMax,
      niceness,
      nowMs: () => performance.now(),
      ...(observe === undefined ? {} : { observe }),
    }))

  async function open(artifact: Artifact): Promise<ServedModel> {
    const { kind } = artifact.manifest
    switch (kind) {
      case 'linear':
      case 'severity':
        return servedText(decodeArtifact(artifact).model)
      case 'transformer':
        return servedQueue(await (await import('./openTransformer.ts')).openTransformer(artifact, poolOf()))
      case 'cascade':
        return servedQueue(await (await import('./openTransformer.ts')).openCascade(artifact, poolOf()))
      case 'lstm':
        return servedDetector(artifact, await (await import('./openDetector.ts')).openDetector(artifact))
      default:
        return kind satisfies never
    }
  }

  return {
    open,
    depth: () => pool?.depth ?? 0,
    close: async () => pool?.close(),
  }
}

function servedDetector({ manifest }: Artifact, detector: Detector): ServedModel {
  return { kind: 'detector', labels: manifest.labels, detector, close: () => detector.close() }
}
