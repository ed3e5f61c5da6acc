/**
 * A version with a transformer in it → the same with weights of 8 bits, and what that costs: both score the same rows, and
 * the card says how far the answers moved.
 */

import { Fault } from '../../../domain/faults.ts'
import type { Evaluation } from '../../../domain/version.ts'
import { type QuantizedExport, quantizeExport } from '../../../engine/quantize/quantizeExport.ts'
import { readTransformerForm } from '../../../engine/serve/transformerForm.ts'
import { evaluate } from '../../../evaluation/evaluate.ts'
import type { LabelledText } from '../../../evaluation/measure.ts'
import { seededRandom } from '../../../math/random.ts'
import { TRANSFORMER_PREFIX } from '../../../models/text/cascade/cascadeModel.ts'
import type { Scored } from '../../../models/textModel.ts'
import { accuracyLoss, type LossInterval, mcnemarWorse } from '../../../stats/mcnemar.ts'
import { type Artifact, makeArtifact, wholeFile } from '../../../versions/artifacts/artifact.ts'
import { scoreArtifact } from '../scoreArtifact.ts'
import { quantizedCard } from './quantizedCard.ts'

export interface QuantizeVersion {
  readonly artifact: Artifact
  /** `NAME@VERSION`, or the folder. */
  readonly title: string
  /** What the new version's model is called. */
  readonly model: string
  /** Labelled rows that the version was not trained on. */
  readonly rows: readonly LabelledText[]
  /** As evaluations are called: the file. */
  readonly rowsName: string
  readonly embeddings: boolean
  readonly threads: number
  readonly seed: number
  /** The version of Barometer. */
  readonly engine: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
}

export interface QuantizeNeeds {
  /** `done` of `total` texts, where the step counts any. */
  readonly onProgress: (step: QuantizeStep, done: number, total: number) => void
  readonly signal: AbortSignal
}

export type QuantizeStep = 'quantising' | 'scoring in fp32' | 'scoring in int8'

/** How far the answers of the 8 bits are from those of float32, on the same rows. */
export interface QuantizeChange {
  readonly rows: number
  /** Rows whose answer is another label now. */
  readonly flips: number
  /** Of |Δp| over rows and labels. */
  readonly meanChange: number
  readonly maxChange: number
  readonly before: Evaluation
  readonly after: Evaluation
  /** Of accuracy; positive where the 8 bits are worse. */
  readonly loss: LossInterval
  /** Exact, of the hypothesis that the 8 bits are no worse. */
  readonly p: number
  readonly bytesBefore: number
  readonly bytesAfter: number
}

export interface QuantizedVersion {
  readonly artifact: Artifact
  readonly change: QuantizeChange
}

/** With fewer, no figure means anything. */
const ROWS_MIN = 50

export async function quantizeVersion(asked: QuantizeVersion, needs: QuantizeNeeds): Promise<QuantizedVersion> {
  const { artifact, threads } = asked
  const prefix = prefixOf(asked)
  const rows = knownRows(asked)
  const texts = rows.map(({ text }) => text)
  const { signal, onProgress } = needs
  const scored = (from: Artifact, step: QuantizeStep) =>
    scoreArtifact(from, texts, { threads, signal, onProgress: (done) => onProgress(step, done, texts.length) })

  onProgress('quantising', 0, 0)
  const files = await allFiles(artifact)
  const form = readForm(files[`${prefix}transformer.json`], asked.title)
  const model = files[`${prefix}model.onnx`]
  const quantized = await quantizeExport(model, { embeddings: asked.embeddings })
  const smaller = {
    ...files,
    [`${prefix}model.onnx`]: quantized.bytes,
    [`${prefix}transformer.json`]: formBytes(form, quantized, asked.title),
  }
  const before = await scored(artifact, 'scoring in fp32')
  const after = await scored(packed(asked, smaller, []), 'scoring in int8')
  const change = compare(asked, rows, before, after, {
    bytesBefore: model.length,
    bytesAfter: quantized.bytes.length,
  })
  const card = quantizedCard(asked, change, files['card.md'])
  return { artifact: packed(asked, { ...smaller, 'card.md': card }, [change]), change }
}

/** Where the transformer's files are in the artifact. */
function prefixOf({ artifact: { manifest }, title }: QuantizeVersion): string {
  if (manifest.kind === 'transformer') return ''
  if (manifest.kind === 'cascade') return TRANSFORMER_PREFIX
  throw new Fault('model_unsupported', {
    say: `Only transformers, and cascades with one, are made smaller this way; ${title} is of kind ${manifest.kind}.`,
  })
}

function knownRows({ artifact: { manifest }, rows, rowsName }: QuantizeVersion): readonly LabelledText[] {
  const known = rows.filter(({ label }) => manifest.labels.includes(label))
  if (known.length >= ROWS_MIN) return known
  throw new Fault('data_broken', {
    say: `${rowsName} has ${known.length} rows with the labels ${manifest.labels.join(', ')}; at least ${ROWS_MIN} are needed to say what the 8 bits cost.`,
  })
}

async function allFiles(artifact: Artifact): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {}
  for (const name of Object.keys(artifact.manifest.files)) files[name] = await wholeFile(artifact, name)
  return files
}

/** All that transformer.json says, also what only others know of. */
function readForm(bytes: Uint8Array, title: string): Readonly<Record<string, unknown>> {
  const { precision } = readTransformerForm(bytes)
  if (precision !== 'fp32')
    throw new Fault('model_unsupported', { say: `${title} is quantised already (${precision}).` })
  return JSON.parse(new TextDecoder().decode(bytes)) as Readonly<Record<string, unknown>> // it was just read as an object
}

function formBytes(form: Readonly<Record<string, unknown>>, { inputs }: QuantizedExport, title: string): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify({ ...form, inputs, precision: 'int8', base: title })}\n`)
}

/** The temperature and the reference are the base's: they are of its probabilities, which hardly moved. */
function packed(
  asked: QuantizeVersion,
  files: Record<string, Uint8Array>,
  changes: readonly QuantizeChange[],
): Artifact {
  const { files: _files, ...base } = asked.artifact.manifest
  const figures = changes.map(({ rows, flips, meanChange, maxChange }) => ({ rows, flips, meanChange, maxChange }))
  return makeArtifact(
    {
      ...base,
      model: asked.model,
      recipe: {
        name: 'int8',
        parameters: {
          base: asked.title,
          digest: asked.artifact.digest,
          recipe: base.recipe.name,
          embeddings: asked.embeddings ? 'int8' : 'fp32',
          ...figures[0],
        },
      },
      evaluations: changes.map(({ after }) => after),
      engine: asked.engine,
      createdAt: asked.createdAt,
    },
    files,
  )
}

function compare(
  { artifact: { manifest }, rowsName, seed }: QuantizeVersion,
  rows: readonly LabelledText[],
  before: readonly Scored[],
  after: readonly Scored[],
  sizes: Pick<QuantizeChange, 'bytesBefore' | 'bytesAfter'>,
): QuantizeChange {
  const { labels } = manifest
  const actual = rows.map(({ label }) => labels.indexOf(label))
  const predictionsOf = (scored: readonly Scored[]) => ({
    labels: labels.length,
    actual,
    probabilities: Float64Array.from(scored.flatMap(({ probabilities }) => [...probabilities])),
  })
  const [was, is] = [predictionsOf(before), predictionsOf(after)]
  const moved = is.probabilities.map((p, i) => Math.abs(p - was.probabilities[i]))
  const pairs = { rows: rows.length, worse: 0, better: 0 }
  for (const [i, label] of actual.entries()) {
    const [wasRight, isRight] = [before[i].label === label, after[i].label === label]
    if (wasRight && !isRight) pairs.worse++
    if (isRight && !wasRight) pairs.better++
  }
  return {
    rows: rows.length,
    flips: before.filter(({ label }, i) => label !== after[i].label).length,
    meanChange: moved.reduce((sum, change) => sum + change, 0) / moved.length,
    maxChange: moved.reduce((largest, change) => Math.max(largest, change), 0),
    before: evaluate(`${rowsName}, fp32`, was, { random: seededRandom(seed) }),
    after: evaluate(rowsName, is, { random: seededRandom(seed) }),
    loss: accuracyLoss(pairs),
    p: mcnemarWorse(pairs),
    ...sizes,
  }
}
