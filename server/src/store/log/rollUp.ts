/** The roll-up of one hour of one version: what a commit adds to it, and how it is written down. */
import { latencyBucket } from '../../domain/latencySketch.ts'
import { HOUR_MS, type Millis } from '../../domain/time.ts'

export interface RollUp {
  readonly hour: Millis
  readonly versionId: number
  rows: number
  confidenceSum: number
  labels: Record<string, number>
  /** Bucket → rows. */
  latency: Map<number, number>
  feedbackRows: number
  feedbackCorrect: number
  seqMin: number
  seqMax: number
}

/** JSON of the lowest bucket and the rows of it and of each one above: a third of the time to read, and half the length, of an object by bucket. */
export function writeSketch(sketch: ReadonlyMap<number, number>): string {
  if (sketch.size === 0) return '[0]'
  const buckets = [...sketch.keys()]
  const low = Math.min(...buckets)
  const counts = Array.from({ length: Math.max(...buckets) - low + 1 }, (_, i) => sketch.get(low + i) ?? 0)
  return JSON.stringify([low, ...counts])
}

/** Adds a sketch that was written down. */
export function addSketch(to: Map<number, number>, written: string): Map<number, number> {
  const [low, ...counts] = JSON.parse(written) as number[]
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] > 0) to.set(low + i, (to.get(low + i) ?? 0) + counts[i])
  }
  return to
}

export function emptyRollUp(hour: Millis, versionId: number): RollUp {
  return {
    hour,
    versionId,
    rows: 0,
    confidenceSum: 0,
    labels: noCounts(),
    latency: new Map(),
    feedbackRows: 0,
    feedbackCorrect: 0,
    seqMin: Number.MAX_SAFE_INTEGER,
    seqMax: 0,
  }
}

/** Without a prototype, so that any label is only a label. */
export function noCounts(): Record<string, number> {
  return Object.create(null) as Record<string, number> // Object.create is typed any
}

/** Counts one prediction in. */
export function countPrediction(rollUp: RollUp, seq: number, label: string, confidence: number, latencyMs: number) {
  rollUp.rows += 1
  rollUp.confidenceSum += confidence
  rollUp.labels[label] = (rollUp.labels[label] ?? 0) + 1
  const bucket = latencyBucket(latencyMs)
  rollUp.latency.set(bucket, (rollUp.latency.get(bucket) ?? 0) + 1)
  rollUp.seqMin = Math.min(rollUp.seqMin, seq)
  rollUp.seqMax = Math.max(rollUp.seqMax, seq)
}

export function hourOf(at: Millis): Millis {
  return Math.floor(at / HOUR_MS) * HOUR_MS
}

/** UUIDv7: the first 48 bits are the time. RFC 9562, section 5.7. */
export function timeOfId(id: string): Millis {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}

/** The start of every id of that millisecond: sorts before all of them and after all earlier ones. */
export function idPrefix(at: Millis): string {
  const hex = Math.max(0, Math.floor(at)).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}`
}
