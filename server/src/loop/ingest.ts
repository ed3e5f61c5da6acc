import { Fault } from '../domain/faults.ts'

/** One text to score, as it reached us. */
export interface TextSignal {
  readonly text: string
  readonly source: string | null
  readonly callerId: string | null
}

export interface TextLimits {
  readonly textCharsMax: number
}

/** Takes a text in, or says why not. */
export function ingest(signal: TextSignal, limits: TextLimits): TextSignal {
  if (signal.text.length > limits.textCharsMax)
    throw new Fault('text_too_long', {
      say: `The text has ${signal.text.length} characters; at most ${limits.textCharsMax} are scored.`,
    })
  if (!/\S/.test(signal.text)) throw new Fault('empty_text')
  return signal
}
