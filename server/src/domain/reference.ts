/** What a version looked like when it was accepted: the frozen distribution that live traffic is compared with. */
import type { QuantileSketch } from '../math/quantileSketch.ts'

/** The numeric signals of a text model, in the order in which they are stored. */
export const signals = ['chars', 'tokens', 'confidence', 'entropy', 'unknownShare'] as const
/**
 * chars: UTF-16 code units of the text; tokens: its words; confidence: the calibrated probability of the label;
 * entropy: of the probabilities, in nats; unknownShare: tokens without a weight / tokens (0 of no tokens).
 */
export type Signal = (typeof signals)[number]

export interface SignalReference {
  readonly mean: number
  /** With n − 1; 0 of a single row. */
  readonly std: number
  readonly sketch: QuantileSketch
}

/** The content of an artifact's reference.json: made of held-out rows, without any text. */
export interface Reference {
  readonly format: 1
  readonly rows: number
  /** [labels] how often each was predicted */
  readonly predicted: readonly number[]
  readonly signals: Readonly<Record<Signal, SignalReference>>
  /** A random part of the rows, by column, for tests that need rows. */
  readonly sample: {
    readonly rows: number
    /** [rows] indices into the labels */
    readonly label: readonly number[]
    /** [rows] of each signal */
    readonly signals: Readonly<Record<Signal, readonly number[]>>
  }
}
