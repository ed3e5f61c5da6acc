import type { CSSProperties } from 'react'
import { look } from './labels.ts'
import type { Axis, Piece } from './lean.ts'

/** Offsets into the text; `end` is exclusive. */
export interface Stretch {
  readonly start: number
  readonly end: number
}

interface Props {
  readonly pieces: readonly Piece[]
  readonly axis: Axis
  readonly labels: readonly string[]
  /** The stretch that is being looked at. */
  readonly lit: Stretch | null
}

/** A text with its weight: tone says to which side, depth says how much, and the kind of line says it without colour. */
export function Painted({ pieces, axis, labels, lit }: Props) {
  return pieces.map((piece) =>
    piece.strength === 0 ? (
      piece.text
    ) : (
      <span
        key={piece.start}
        data-lean={piece.lean.toFixed(3)}
        data-start={piece.start}
        className={`lean tone-${toneOf(piece.lean, axis, labels)} ${piece.lean < 0 ? 'lean-away' : ''} ${lit && piece.start < lit.end && lit.start < piece.end ? 'lean-lit' : ''}`}
        style={{ '--w': piece.strength.toFixed(3) } as CSSProperties} // React's types know no custom properties.
      >
        {piece.text}
      </span>
    ),
  )
}

/** Towards: the tone of the label it pulls to. Away: the other pole's, or grey where the other side is many labels. */
export function toneOf(lean: number, axis: Axis, labels: readonly string[]): string {
  if (lean >= 0) return look(labels[axis.towards], labels).tone
  return axis.kind === 'polarity' ? look(labels[axis.away], labels).tone : 'quiet'
}

/** The two sides in words: “positive” and “negative”, or “critical” and “not critical”. */
export function sides(axis: Axis, labels: readonly string[]): readonly [towards: string, away: string] {
  const towards = labels[axis.towards]
  return [towards, axis.kind === 'polarity' ? labels[axis.away] : `not ${towards}`]
}
