/** Rows for tests and benchmarks of the store. */
import type { Feedback, Prediction } from '../../src/domain/prediction.ts'
import type { Manifest } from '../../src/domain/version.ts'

export const labels = ['negative', 'neutral', 'positive'] as const

let made = 0

/** A UUIDv7 of that time; unlike any other of this process, and of others by its random part. */
export function idAt(at: number): string {
  made += 1
  const time = Math.floor(at).toString(16).padStart(12, '0')
  const count = (made % 0x1_0000_0000).toString(16).padStart(8, '0')
  const random = Math.floor(Math.random() * 2 ** 48)
    .toString(16)
    .padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count.slice(0, 3)}-8${count.slice(3, 6)}-${count.slice(6)}${random.slice(0, 10)}`
}

export function prediction(given: Partial<Prediction> = {}): Prediction {
  const at = given.at ?? 1_790_000_000_000
  return {
    id: given.id ?? idAt(at),
    at,
    task: 'sentiment',
    model: 'reviews',
    version: 1,
    variant: 'champion',
    label: 'positive',
    confidence: 0.912345,
    probabilities: [0.012345, 0.07531, 0.912345],
    latencyMs: 0.42,
    drift: false,
    text: 'The battery died after two days, but support was lovely.',
    textHash: '00112233aabbccdd',
    chars: 56,
    tokens: 10,
    unknown: 1,
    source: null,
    callerId: null,
    keyId: null,
    ...given,
  }
}

export function feedbackOf(predictionId: string, given: Partial<Feedback> = {}): Feedback {
  return { predictionId, at: 1_790_000_100_000, label: 'positive', comment: null, keyId: null, ...given }
}

export function manifest(given: Partial<Manifest> = {}): Manifest {
  return {
    format: 1,
    kind: 'linear',
    model: 'reviews',
    task: 'sentiment',
    labels,
    recipe: { name: 'ngrams', parameters: { n: 2 } },
    seed: 1,
    data: { rows: 100, sha256: 'ab'.repeat(32), sources: [{ name: 'made up', rows: 100 }] },
    evaluations: [],
    calibration: { temperature: 1, rows: 10, ece: 0.01 },
    files: {},
    engine: '0.1.0',
    createdAt: '2026-01-01T00:00:00.000Z',
    ...given,
  }
}
