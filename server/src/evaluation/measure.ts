/** A model on labelled rows: its predictions, and what an evaluation says of them. */
import { Fault } from '../domain/faults.ts'
import type { Evaluation } from '../domain/version.ts'
import { seededRandom } from '../math/random.ts'
import type { AnyTextModel, Scored } from '../models/textModel.ts'
import type { Predictions } from '../stats/probabilities.ts'
import { evaluate } from './evaluate.ts'
import { scoreTexts } from './scoreTexts.ts'

export interface LabelledText {
  readonly text: string
  readonly label: string
}

export interface Measured {
  readonly evaluation: Evaluation
  readonly predictions: Predictions
  /** The labels that were measured, in the order of the confusion. */
  readonly labels: readonly string[]
  /** Rows whose label the model does not know; they were left out. */
  readonly unknownRows: number
  readonly unknownLabels: readonly string[]
}

export interface MeasureOptions {
  readonly name: string
  /** For the bootstrap. */
  readonly seed: number
  /** True: choose only among the labels that the rows have (a model of three labels on a test of two). */
  readonly presentOnly?: boolean
  readonly onProgress?: (rows: number) => void
  readonly signal?: AbortSignal
}

export async function measure(
  model: AnyTextModel,
  rows: readonly LabelledText[],
  options: MeasureOptions,
): Promise<Measured> {
  const present = new Set(rows.map(({ label }) => label))
  const labels = options.presentOnly ? model.labels.filter((label) => present.has(label)) : model.labels
  const known = rows.filter(({ label }) => labels.includes(label))
  const unknownLabels = [...present].filter((label) => !model.labels.includes(label))
  if (known.length === 0)
    throw new Fault('data_broken', {
      say: `No row has a label of the model (${model.labels.join(', ')}); the data has ${unknownLabels.slice(0, 10).join(', ') || 'none'}.`,
    })
  if (labels.length < 2)
    throw new Fault('data_broken', { say: `The data has only one label of the model: ${labels[0]}.` })
  const at = labels.map((label) => model.labels.indexOf(label))
  const probabilities = new Float64Array(known.length * labels.length)
  const take = (i: number, { probabilities: scored }: Scored) => {
    const total = at.reduce((sum, k) => sum + scored[k], 0)
    for (const [j, k] of at.entries()) probabilities[i * labels.length + j] = scored[k] / total
  }
  const texts = known.map(({ text }) => text)
  for (const [i, scored] of (await scoreTexts(model, texts, options)).entries()) take(i, scored)
  const actual = known.map(({ label }) => labels.indexOf(label))
  const predictions = { labels: labels.length, actual, probabilities }
  const evaluation = evaluate(options.name, predictions, { random: seededRandom(options.seed) })
  return { evaluation, predictions, labels, unknownRows: rows.length - known.length, unknownLabels }
}
