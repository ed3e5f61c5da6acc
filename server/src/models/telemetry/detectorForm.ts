/** What a detector needs beside its network: the content of an artifact's features.json. */
import { type FeaturePlan, featureNames } from './features.ts'
import type { Scaler } from './scaler.ts'

export interface DetectorForm {
  readonly format: 1
  readonly plan: FeaturePlan
  readonly scaler: Scaler
  /** Units of each of the two layers: the size of a node's state. */
  readonly hidden: number
  /** Samples of a node before its score counts: as many as a window of training held. */
  readonly length: number
  /** The usual distance of the samples that it was trained on. */
  readonly intervalSeconds: number
  /** After a longer gap the node's hidden state is reset. */
  readonly gapSeconds: number
  /** The probability from which on a sample is called an anomaly. */
  readonly threshold: number
}

export function writeDetectorForm(form: DetectorForm): string {
  return `${JSON.stringify(form, null, 1)}\n`
}

/** Throws, with the reason, on what is not a form of this format. */
export function readDetectorForm(text: string): DetectorForm {
  const read: unknown = JSON.parse(text)
  if (typeof read !== 'object' || read === null) throw new Error('it is no object')
  const form = read as Partial<DetectorForm> // each part is checked below
  const { plan, scaler } = form
  const numbers = [
    plan?.windowSeconds,
    plan?.usualSeconds,
    form.hidden,
    form.length,
    form.intervalSeconds,
    form.gapSeconds,
  ]
  if (form.format !== 1) throw new Error('it has another format')
  if (!numbers.every((each) => typeof each === 'number' && each > 0)) throw new Error('a size or a duration is missing')
  if (!(typeof form.threshold === 'number' && form.threshold > 0 && form.threshold < 1))
    throw new Error('the threshold is no probability')
  if (!plan || !Array.isArray(plan.metrics) || !plan.metrics.every((metric) => typeof metric === 'string'))
    throw new Error('it names no metrics')
  const features = featureNames(plan)
  if (!scaler || !sameList(scaler.features, features)) throw new Error('it scales other features than it makes')
  for (const list of [scaler.usual, scaler.mean, scaler.std])
    if (!Array.isArray(list) || list.length !== features.length || !list.every(Number.isFinite))
      throw new Error('the scaler is incomplete')
  return form as DetectorForm
}

function sameList(a: unknown, b: readonly string[]): boolean {
  return Array.isArray(a) && a.length === b.length && a.every((each, i) => each === b[i])
}
