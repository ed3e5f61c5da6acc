/** A model of others becomes a version: its files in our forms, its labels in our words, all that is known of it said. */
import { closeSync, openSync, readSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Fault } from '../../domain/faults.ts'
import { importCheckpoint } from '../../engine/import/importCheckpoint.ts'
import { licenceOf, type ModelConfig, maxLengthOf, readModelConfig } from '../../engine/import/modelConfig.ts'
import { type ServedExport, serveExport } from '../../engine/import/serveExport.ts'
import { tokenizerFrom } from '../../engine/import/tokenizerFrom.ts'
import { encodeModel } from '../../engine/onnx/encode.ts'
import { quantizeExport } from '../../engine/quantize/quantizeExport.ts'
import { openSession, runTensor, valuesOf } from '../../engine/session.ts'
import { readTokenizer } from '../../engine/tokenize/tokenizer.ts'
import { type Artifact, type ManifestParts, makeArtifact } from '../artifacts/artifact.ts'
import { sha256 } from '../artifacts/manifest.ts'
import type { ModelFiles } from '../hub/modelFiles.ts'
import { importedCard } from './importedCard.ts'
import { mapLabels } from './mapLabels.ts'

export interface ConvertRequest {
  readonly files: ModelFiles
  /** Its name here. */
  readonly model: string
  /** Null: `sentiment` where its labels are those of a sentiment, else its name. */
  readonly task: string | null
  /** What its labels mean, by the names that config.json has; null where those say it. */
  readonly labels: Readonly<Record<string, string>> | null
  /** What was asked for: the Hub's word for it, or the folder. */
  readonly word: string
  /** Of a folder's files, which may change under its name; null where a commit says what they are. */
  readonly content: string | null
  /** Whether weights of 8 bits were asked for. Where it has none, they are made here. */
  readonly quantised: boolean
  /** The version of Barometer. */
  readonly engine: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
}

/** Where a version came from, in its manifest's recipe: what tells whether a model is here already. */
export interface Origin {
  readonly word: string
  readonly quantised: boolean
  readonly from: string
  readonly commit: string
  /** The file of the weights. */
  readonly file: string
  /** The user's map of labels, or '' */
  readonly labels: string
  /** Of a folder: sha256 over its files (hub/contentHash.ts). */
  readonly content?: string
}

export const IMPORT_RECIPE = 'adopted'
const SENTIMENTS = new Set(['negative', 'neutral', 'positive'])

export function originOf({
  files,
  labels,
  word,
  quantised,
  content,
}: Omit<ConvertRequest, 'model' | 'task' | 'engine' | 'createdAt'>): Origin {
  return {
    word,
    quantised,
    from: files.title,
    commit: files.commit ?? '',
    file: files.chosen.weights.path,
    labels: labels === null ? '' : JSON.stringify(labels),
    ...(content === null ? {} : { content }),
  }
}

/**
 * Not calibrated and without a reference: what a model's probabilities are worth, and what usual traffic looks like to
 * it, can only be told from rows. See calibrateVersion.ts.
 */
export async function convertModel(asked: ConvertRequest): Promise<Artifact> {
  const { files } = asked
  const { chosen } = files
  const read = (path: string) => readFile(join(files.folder, path))
  const config = readModelConfig(await read(chosen.config))
  const mapped = mapLabels(config.labels, asked.labels)
  const settings = chosen.tokenizer.settings === null ? null : await read(chosen.tokenizer.settings)
  const maxLength = maxLengthOf(config, settings)
  const tokenizer = await tokenizerFrom(chosen.tokenizer, settings, read)
  const { padId, vocabularySize } = readTokenizer(tokenizer, { maxLength })
  const weights = await read(chosen.weights.path)
  const served = await servedModel(asked, weights, config, mapped.groups)
  const form = {
    family: config.family,
    maxLength,
    padId: padId ?? config.padId ?? 0,
    inputs: served.inputs,
    precision: served.precision,
    base: files.title,
  }
  await tryOut(served, mapped.labels.length, { ids: vocabularySize, maxLength })
  const licence = chosen.card === null ? null : licenceOf(new TextDecoder().decode(await read(chosen.card)))
  const parts: ManifestParts = {
    format: 1,
    kind: 'transformer',
    model: asked.model,
    task: asked.task ?? (mapped.labels.every((label) => SENTIMENTS.has(label)) ? 'sentiment' : asked.model),
    labels: mapped.labels,
    recipe: { name: IMPORT_RECIPE, parameters: { ...originOf(asked) } },
    seed: 0,
    // What it was trained on is not known here; the hash is that of the weights as they came.
    data: {
      rows: 0,
      sha256: sha256(weights),
      sources: [{ name: nameOf(files), rows: 0, ...(licence === null ? {} : { terms: licence }) }],
    },
    evaluations: [],
    calibration: { temperature: 1, rows: 0, ece: 0 },
    engine: asked.engine,
    createdAt: asked.createdAt,
  }
  const card = importedCard({ asked, config, licence, served, maxLength, names: mapped.names })
  return makeArtifact(parts, {
    'model.onnx': served.bytes,
    'tokenizer.json': tokenizer,
    'transformer.json': jsonBytes(form),
    'card.md': new TextEncoder().encode(card),
  })
}

function nameOf({ title, commit }: ModelFiles): string {
  return commit === null ? title : `${title}@${commit}`
}

async function servedModel(
  { files, quantised }: ConvertRequest,
  bytes: Uint8Array,
  config: ModelConfig,
  groups: readonly number[] | null,
): Promise<ServedExport & { readonly quantisedHere: boolean }> {
  const { folder, chosen } = files
  const beside = dirname(join(folder, chosen.weights.path))
  const form = {
    labels: config.labels.length,
    readExternal: (location: string, offset: number, length: number) =>
      readPart(join(beside, location), offset, length),
  }
  // With its own labels at first: quantising recognises encoders, which know of no groups.
  const whole = serveExport(await exportOf(files, bytes), { ...form, groups: null })
  const quantisedHere = quantised && whole.precision === 'fp32'
  const own = quantisedHere ? serveExport((await quantizeExport(whole.bytes)).bytes, { ...form, groups: null }) : whole
  const served = groups === null ? own : serveExport(own.bytes, { ...form, groups })
  return { ...served, quantisedHere }
}

/** An ONNX file as it is; of a checkpoint, the graph that we build for its family. */
async function exportOf({ folder, chosen: { weights, config } }: ModelFiles, bytes: Uint8Array): Promise<Uint8Array> {
  if (weights.kind === 'onnx') return bytes
  const checkpoint = { 'config.json': await readFile(join(folder, config)), 'model.safetensors': bytes }
  return encodeModel(importCheckpoint(checkpoint).serving())
}

/** @returns fewer bytes where the file ends sooner. */
function readPart(path: string, offset: number, length: number): Uint8Array {
  const file = openSync(path, 'r')
  try {
    const bytes = new Uint8Array(length)
    let filled = 0
    while (filled < length) {
      const count = readSync(file, bytes, filled, length - filled, offset + filled)
      if (count === 0) break
      filled += count
    }
    return bytes.subarray(0, filled)
  } finally {
    closeSync(file)
  }
}

/** Runs the model once as it will be run: what cannot answer is not made a version of. */
async function tryOut(
  { bytes, inputs }: ServedExport,
  labels: number,
  { ids, maxLength }: { readonly ids: number; readonly maxLength: number },
): Promise<void> {
  const session = await openSession(bytes)
  try {
    for (const length of [2, Math.min(7, maxLength)]) {
      // Two rows of different ids, among them the last of the vocabulary: a tokenizer of another model is found out here.
      const shape = [2, length]
      const filled = (value: (at: number) => number) =>
        runTensor(
          'int64',
          BigInt64Array.from({ length: 2 * length }, (_, at) => BigInt(value(at))),
          shape,
        )
      const values = {
        input_ids: filled((at) => (at === 0 ? ids - 1 : at % ids)),
        attention_mask: filled(() => 1),
        token_type_ids: filled(() => 0),
      }
      const feeds = Object.fromEntries(inputs.map((name) => [name, values[name]]))
      const { logits } = await session.run(feeds, ['logits'])
      const given = valuesOf('float32', logits)
      if (given.length !== 2 * labels || given.some((value) => Number.isNaN(value)))
        throw new Fault('model_unsupported', {
          say: `The model cannot be used: it gives ${given.length / 2} figures a text that are no logits of ${labels} labels.`,
        })
    }
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('model_unsupported', {
      say: `The model cannot be used: ONNX Runtime fails at it, maybe because its tokenizer is another model's: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    })
  } finally {
    await session.close()
  }
}

function jsonBytes(value: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value)}\n`)
}
