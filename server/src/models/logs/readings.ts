/**
 * How lines are read, by the number that an artifact's manifest keeps: what served a prediction can be replayed to the
 * same bits, so a reading is never changed, only followed by another one.
 */
import type { Span, StatedSeverity } from './logLine.ts'
import { maskLine } from './maskLine.ts'
import { parseLine } from './parseLine.ts'
import { explicitSeverity } from './reading1/explicitSeverity.ts'
import { saidPart } from './saidPart.ts'

export type Reading = 1 | 2

export interface LineReading {
  readonly stated: StatedSeverity | null
  /** What the model of words sees: as long as the line, so that places stay. */
  readonly words: string
  /** Where the line says that trouble did not happen. */
  readonly news: readonly Span[]
  /** Where it names an error in a field of its own. */
  readonly troubles: readonly Span[]
}

export type LineReader = (line: string) => LineReading

export const readings: Readonly<Record<Reading, LineReader>> = {
  // Patterns over the whole line: a level within a message or a URL could be taken for the line's own.
  1: (line) => ({ stated: explicitSeverity(line), words: maskLine(line, 1), news: [], troubles: [] }),
  // The line's structure first; words are those of the message.
  2: (line) => {
    const parsed = parseLine(line)
    return { stated: parsed.stated, troubles: parsed.troubles ?? [], ...saidPart(line, parsed) }
  },
}
