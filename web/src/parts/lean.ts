/** What each stretch of a text did to its label, as one signed number and as something to paint. */
import type { ExplainedSpan } from '@barometer/wire'

/** The question that the colours answer. */
export type Axis =
  | { readonly kind: 'polarity'; readonly towards: number; readonly away: number }
  | { readonly kind: 'label'; readonly towards: number }

/** Between the two poles where the task has them, or its only two labels; towards the predicted label elsewhere. */
export function axisOf(labels: readonly string[], label: string): Axis {
  const positive = labels.indexOf('positive')
  const negative = labels.indexOf('negative')
  if (positive >= 0 && negative >= 0) return { kind: 'polarity', towards: positive, away: negative }
  const towards = Math.max(0, labels.indexOf(label))
  if (labels.length === 2) return { kind: 'polarity', towards, away: 1 - towards }
  return { kind: 'label', towards }
}

/**
 * What a stretch adds to the logit of one side over the other, in nats.
 *
 *   polarity:  c[one pole] − c[the other]
 *   label:     c[label] − mean of c over the other labels
 *
 * Both are differences on purpose: adding the same amount to all logits changes no probability, so one
 * contribution alone says nothing. A task of one label has no other side; then it is 0.
 */
export function lean(contributions: readonly number[], axis: Axis): number {
  if (axis.kind === 'polarity') return contributions[axis.towards] - contributions[axis.away]
  const others = contributions.length - 1
  if (others === 0) return 0
  const sum = contributions.reduce((total, c) => total + c, 0)
  return contributions[axis.towards] - (sum - contributions[axis.towards]) / others
}

/** A stretch of text as it is painted. `strength` 0 is plain text. */
export interface Piece {
  readonly start: number
  readonly end: number
  readonly text: string
  readonly lean: number
  /** [0, 1] */
  readonly strength: number
  readonly contributions: readonly number[]
}

/** A text whose strongest stretch leans less than this stays pale, in nats: half a nat moves 50 % to 62 %. */
const LEAN_FULL_MIN = 0.5
/** Weaker than this would not be seen. */
const STRENGTH_MIN = 0.04

type Span = Pick<ExplainedSpan, 'start' | 'end' | 'contributions'>

/** Cuts a text into pieces that follow each other without a gap; together they are the text. */
export function paint(text: string, spans: readonly Span[], axis: Axis): Piece[] {
  const full = Math.max(LEAN_FULL_MIN, ...spans.map((span) => Math.abs(lean(span.contributions, axis))))
  const pieces: Piece[] = []
  let at = 0
  for (const { start, end, contributions } of spans) {
    const leaning = lean(contributions, axis)
    const strength = Math.abs(leaning) / full
    if (strength < STRENGTH_MIN || start < at || end <= start) continue
    if (start > at) pieces.push(plain(text, at, start))
    pieces.push({ start, end, text: text.slice(start, end), lean: leaning, strength, contributions })
    at = end
  }
  if (at < text.length) pieces.push(plain(text, at, text.length))
  return pieces
}

function plain(text: string, start: number, end: number): Piece {
  return { start, end, text: text.slice(start, end), lean: 0, strength: 0, contributions: [] }
}

/**
 * Moves the spans of an older text onto a newer one, so that the colours stay with their words while the next
 * answer is on its way. What was edited loses its colour; what stands before or after it keeps it.
 */
export function carry<S extends Span>(spans: readonly S[], before: string, after: string): S[] {
  if (before === after) return [...spans]
  const shorter = Math.min(before.length, after.length)
  let prefix = 0
  while (prefix < shorter && before[prefix] === after[prefix]) prefix++
  let suffix = 0
  while (suffix < shorter - prefix && before[before.length - 1 - suffix] === after[after.length - 1 - suffix]) suffix++
  const shift = after.length - before.length
  return spans.flatMap((span) => {
    if (span.end <= prefix) return [span]
    if (span.start >= before.length - suffix) return [{ ...span, start: span.start + shift, end: span.end + shift }]
    return []
  })
}
