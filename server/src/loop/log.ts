import type { Prediction } from '../domain/prediction.ts'
import type { Keeping } from '../domain/redaction/keeping.ts'
import type { Millis } from '../domain/time.ts'
import type { LiveVersion } from '../serving/releases.ts'
import type { Journal } from '../store/store.ts'
import type { TextSignal } from './ingest.ts'
import type { TextScore } from './score.ts'

export interface LogNeeds {
  readonly nextId: () => string
  readonly now: () => Millis
  /** Keyed 64-bit hash of a text, 16 hexadecimal digits. */
  readonly hashText: (text: string) => string
  readonly keeping: Keeping
}

/** What a prediction needs once it is scored: its row, the commit, and those who are told of it. */
export interface PredictionLog extends LogNeeds {
  readonly journal: Pick<Journal, 'append' | 'appendOne'>
  readonly tally: (version: LiveVersion) => {
    predicted(label: number, confidence: number, drift: boolean, seconds: number): void
  }
  /** Null where what is committed is shown from the log itself (see tail.ts). */
  readonly feed: { prediction(row: Prediction): void } | null
}

/** For those who score without a log: the row is made, answered and forgotten. */
export const keepsNothing: PredictionLog = {
  nextId: () => '',
  now: () => 0,
  hashText: () => '',
  keeping: { text: () => null, name: () => '' },
  journal: {
    append: (rows) => Promise.resolve(rows.map(() => ({ kind: 'logged' }))),
    appendOne: () => Promise.resolve({ kind: 'logged' }),
  },
  tally: () => ({ predicted: () => undefined }),
  feed: null,
}

/** What the log keeps of one scored text. */
export function logRow(
  signal: TextSignal,
  score: TextScore,
  version: LiveVersion,
  keyId: string | null,
  needs: LogNeeds,
): Prediction {
  return {
    id: needs.nextId(),
    at: needs.now(),
    task: version.task,
    model: version.name,
    version: version.number,
    variant: 'champion',
    label: score.label,
    confidence: score.confidence,
    probabilities: score.probabilities,
    latencyMs: score.latencyMs,
    drift: score.drift,
    text: needs.keeping.text(signal.text),
    textHash: needs.hashText(signal.text),
    chars: signal.text.length,
    tokens: score.tokens,
    unknown: score.unknown,
    source: signal.source === null ? null : needs.keeping.name(signal.source),
    callerId: signal.callerId === null ? null : needs.keeping.name(signal.callerId),
    keyId,
  }
}
