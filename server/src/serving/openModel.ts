/** From a proven version of any kind to a model that scores: the one place that knows every family. */
import { availableParallelism } from 'node:os'
import { type Artifact, wholeFile } from '../artifacts/artifact.ts'
import { decodeArtifact, type OpenModel } from '../artifacts/loadArtifact.ts'
import { broken } from '../artifacts/manifest.ts'
import { transformerExplainer } from '../engine/explain/transformerExplainer.ts'
import { Crew, type CrewObserver } from '../engine/serve/crew.ts'
import type { ModelSource } from '../engine/serve/messages.ts'
import { readTransformerForm } from '../engine/serve/transformerForm.ts'
import { transformerModel } from '../engine/serve/transformerModel.ts'
import { readTokenizer } from '../engine/tokenize/tokenizer.ts'
import {
  CASCADE_FILE,
  cascadeModel,
  LINEAR_PREFIX,
  readCascade,
  TRANSFORMER_PREFIX,
} from '../models/text/cascade/cascadeModel.ts'
import { decodeLinear, MODEL_FILE } from '../models/text/linearCodec.ts'
import type { QueuedTextModel, ServedModel } from '../models/textModel.ts'
import { openDetector } from './detectorModel.ts'

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
  /** How much the threads give way to the rest of the process. */
  readonly niceness?: number
  readonly observe?: CrewObserver
}

/** Texts that may wait where nobody set a limit: the windows of a few callers. */
const TEXTS_MAX = 1024

export function modelOpener({
  threads = 0,
  textsMax = TEXTS_MAX,
  niceness = 0,
  observe,
}: ModelOpenerOptions = {}): ModelOpener {
  let crew: Crew | null = null
  const crewOf = () =>
    (crew ??= new Crew({
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
        return decodeArtifact(artifact).model
      case 'transformer':
        return openTransformer(artifact, crewOf(), '')
      case 'cascade':
        return openCascade(artifact, crewOf())
      case 'lstm':
        return openDetector(artifact)
      default:
        return kind satisfies never
    }
  }

  return {
    open,
    depth: () => crew?.depth ?? 0,
    close: async () => crew?.close(),
  }
}

async function openCascade(artifact: Artifact, crew: Crew): Promise<QueuedTextModel> {
  const form = readCascade(new TextDecoder().decode(await wholeFile(artifact, CASCADE_FILE)))
  const linear = decodeLinear({ [MODEL_FILE]: await wholeFile(artifact, `${LINEAR_PREFIX}${MODEL_FILE}`) })
  return cascadeModel(linear, await openTransformer(artifact, crew, TRANSFORMER_PREFIX), form)
}

/** @param prefix of the names of its files, where it is a part of another model */
async function openTransformer(artifact: Artifact, crew: Crew, prefix: string): Promise<QueuedTextModel> {
  const { labels, calibration } = artifact.manifest
  const form = readTransformerForm(await wholeFile(artifact, `${prefix}transformer.json`))
  const { maxLength, keep } = form
  const tokenizer = readTokenizer(await wholeFile(artifact, `${prefix}tokenizer.json`), { maxLength, keep })
  const source = sourceOf(artifact, `${prefix}model.onnx`)
  const model = await crew.open(source, {
    inputs: form.inputs,
    labels: labels.length,
    padId: form.padId,
  })
  const { temperature } = calibration
  const explainer = transformerExplainer({ labels, tokenizer, model, source, form, temperature })
  return transformerModel({ labels, tokenizer, model, temperature, explainer })
}

function sourceOf({ files, paths, manifest }: Artifact, name: string): ModelSource {
  const path = paths[name]
  if (path !== undefined) return { path, sha256: manifest.files[name].sha256 }
  const bytes = files[name]
  if (bytes === undefined) throw broken(name, 'is missing')
  return { bytes }
}
