import type { Prediction } from '../domain/prediction.ts'
import { type KeepText, redact } from '../domain/redaction/redaction.ts'
import { storable } from '../domain/storable.ts'
import type { Millis } from '../domain/time.ts'
import type { TextSignal } from './ingest.ts'
import type { LiveVersion } from './register.ts'
import type { TextScore } from './score.ts'

export interface LogNeeds {
  readonly nextId: () => string
  readonly now: () => Millis
  /** Keyed 64-bit hash of a text, 16 hexadecimal digits. */
  readonly hashText: (text: string) => string
  readonly keepText: KeepText
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
    text: kept(signal.text, needs.keepText),
    textHash: needs.hashText(signal.text),
    chars: signal.text.length,
    tokens: score.tokens,
    unknown: score.unknown,
    source: signal.source === null ? null : storable(signal.source),
    callerId: signal.callerId,
    keyId,
  }
}

function kept(text: string, keep: KeepText): string | null {
  switch (keep) {
    case 'full':
      return storable(text)
    case 'redacted':
      return redact(storable(text))
    case 'hash':
      return null
    default:
      return keep satisfies never
  }
}
