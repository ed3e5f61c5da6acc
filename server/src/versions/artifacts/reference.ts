/** The frozen reference inside an artifact: reference.json. */
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Reference } from '../../domain/reference.ts'
import type { Artifact } from './artifact.ts'
import { broken } from './manifest.ts'

export const REFERENCE_NAME = 'reference.json'

const Numbers = Type.Array(Type.Number())
const SignalForm = Type.Object({
  mean: Type.Number(),
  std: Type.Number({ minimum: 0 }),
  sketch: Type.Object({
    rows: Type.Integer({ minimum: 1 }),
    min: Type.Number(),
    max: Type.Number(),
    means: Numbers,
    weights: Numbers,
    size: Type.Number({ minimum: 4 }),
  }),
})
const bySignal = <T extends Parameters<typeof Type.Object>[0][string]>(form: T) =>
  Type.Object({ chars: form, tokens: form, confidence: form, entropy: form, unknownShare: form })
const ReferenceForm = Type.Object({
  format: Type.Literal(1),
  rows: Type.Integer({ minimum: 1 }),
  predicted: Type.Array(Type.Integer({ minimum: 0 })),
  signals: bySignal(SignalForm),
  sample: Type.Object({
    rows: Type.Integer({ minimum: 1, maximum: 100_000 }),
    label: Type.Array(Type.Integer({ minimum: 0 })),
    signals: bySignal(Numbers),
  }),
})

/** The file's bytes: one line, since five thousand numbers are not for reading. */
export function referenceBytes(reference: Reference): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(reference)}\n`)
}

/** The reference of a proven artifact; null where it was made without one. Throws artifact_broken on a wrong form. */
export function readReference(artifact: Artifact): Reference | null {
  const bytes = artifact.files[REFERENCE_NAME]
  if (!bytes) return null
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw broken(REFERENCE_NAME, 'is not valid JSON in UTF-8', cause)
  }
  if (!Value.Check(ReferenceForm, value)) {
    const first = Value.Errors(ReferenceForm, value)[0]
    throw broken(
      REFERENCE_NAME,
      `does not have the form of a reference: ${first?.instancePath || '/'} ${first?.message ?? ''}`,
    )
  }
  const { rows, label, signals } = value.sample
  if (value.predicted.length !== artifact.manifest.labels.length)
    throw broken(REFERENCE_NAME, 'has other labels than the manifest')
  if ([label, ...Object.values(signals)].some((column) => column.length !== rows))
    throw broken(REFERENCE_NAME, 'has columns of unequal length')
  return value
}

/** What the rolling window of the serving path compares with; null where the artifact has no reference. */
export function rollingReference(artifact: Artifact): {
  readonly chars: { readonly mean: number; readonly std: number }
  readonly confidence: { readonly mean: number; readonly std: number }
} | null {
  const reference = readReference(artifact)
  if (reference === null) return null
  const { chars, confidence } = reference.signals
  return { chars: { mean: chars.mean, std: chars.std }, confidence: { mean: confidence.mean, std: confidence.std } }
}
