/**
 * What rows of the user's own say of a model that others made: how much its probabilities are worth, how good it is, and
 * what usual traffic looks like to it.
 *
 * The rows are divided by a hash of their text: one half fits the temperature, the other one is measured on and becomes
 * the reference, so that no figure is of rows that anything was fitted to.
 */

import { Fault } from '../../domain/faults.ts'
import { isHeldOut } from '../../evaluation/heldOut.ts'
import { makeReference } from '../../evaluation/makeReference.ts'
import { type LabelledText, measure } from '../../evaluation/measure.ts'
import { answeredModel, scoreTexts } from '../../evaluation/scoreTexts.ts'
import { seededRandom } from '../../math/random.ts'
import { softmax } from '../../math/softmax.ts'
import { textModelOf } from '../../models/servedModel.ts'
import type { Scored } from '../../models/textModel.ts'
import { calibrationError } from '../../stats/probabilities.ts'
import { fitTemperature } from '../../stats/temperature.ts'
import { type Artifact, makeArtifact } from '../artifacts/artifact.ts'
import type { OpenModel } from '../artifacts/loadArtifact.ts'
import { REFERENCE_NAME, referenceBytes } from '../artifacts/reference.ts'

export interface CalibrateNeeds {
  readonly open: OpenModel
  readonly onProgress: (texts: number) => void
  readonly signal: AbortSignal
}

export interface CalibrationRows {
  /** As evaluations are called: the file. */
  readonly name: string
  readonly rows: readonly LabelledText[]
}

const SEED = 1
/** With fewer, neither a temperature nor a figure means anything. */
const ROWS_MIN = 50

/** The same version with a temperature, an evaluation and a reference. */
export async function calibrateVersion(
  artifact: Artifact,
  { name, rows }: CalibrationRows,
  needs: CalibrateNeeds,
): Promise<Artifact> {
  const { manifest } = artifact
  const { labels } = manifest
  const known = rows.filter(({ label }) => labels.includes(label))
  const fitted = known.filter(({ text }) => isHeldOut(text, 0.5, 'calibration'))
  const measured = known.filter(({ text }) => !isHeldOut(text, 0.5, 'calibration'))
  if (fitted.length < ROWS_MIN || measured.length < ROWS_MIN)
    throw new Fault('data_broken', {
      say: `${name} has ${known.length} rows with the labels ${labels.join(', ')}; about ${3 * ROWS_MIN} are needed to calibrate.`,
    })
  const texts = [...fitted, ...measured].map(({ text }) => text)
  const scored = await scoreAll(artifact, texts, needs)
  const logits = Float64Array.from(
    scored.slice(0, fitted.length).flatMap(({ probabilities }) => [...probabilities].map(logOf)),
  )
  const truth = fitted.map(({ label }) => labels.indexOf(label))
  const temperature = fitTemperature(logits, truth, labels.length)
  const model = answeredModel(
    labels,
    texts,
    scored.map((one) => atTemperature(one, temperature)),
  )
  const { evaluation, predictions } = await measure(model, measured, { name, seed: SEED, signal: needs.signal })
  const reference = makeReference(
    model,
    measured.map(({ text }) => text),
    seededRandom(SEED),
  )
  const { files: _files, ...parts } = manifest
  return makeArtifact(
    {
      ...parts,
      evaluations: [...manifest.evaluations, evaluation],
      calibration: { temperature, rows: fitted.length, ece: calibrationError(predictions).ece },
    },
    { ...artifact.files, [REFERENCE_NAME]: referenceBytes(reference) },
  )
}

async function scoreAll(
  artifact: Artifact,
  texts: readonly string[],
  { open, onProgress, signal }: CalibrateNeeds,
): Promise<Scored[]> {
  const served = await open(artifact)
  try {
    return await scoreTexts(textModelOf(served, artifact.manifest.task), texts, { onProgress, signal })
  } finally {
    await served.close()
  }
}

/** softmax(ln p / T): the logits of a model are ln p up to a number that the softmax takes away. */
function atTemperature(scored: Scored, temperature: number): Scored {
  const logits = Float64Array.from(scored.probabilities, (p) => logOf(p) / temperature)
  return { ...scored, probabilities: softmax(logits) }
}

/** ln p, where a p of 0 is what float32 made of something small. */
function logOf(p: number): number {
  return Math.log(Math.max(p, 1e-45))
}
