/** What a search may choose: one dimension a setting, each with its type and its scale. */
import type { Setting } from '../../domain/trainingRun.ts'

export type Dimension =
  | { readonly kind: 'real'; readonly low: number; readonly high: number; readonly log?: boolean }
  /** Both ends included. */
  | { readonly kind: 'whole'; readonly low: number; readonly high: number; readonly log?: boolean }
  | { readonly kind: 'choice'; readonly of: readonly Setting[] }

export type Space = Readonly<Record<string, Dimension>>
export type Point = Readonly<Record<string, Setting>>

/** A point drawn evenly over the space: over the logarithm where a dimension is logarithmic. */
export function drawPoint(space: Space, random: () => number): Point {
  return Object.fromEntries(Object.entries(space).map(([name, dimension]) => [name, draw(dimension, random)]))
}

function draw(dimension: Dimension, random: () => number): Setting {
  if (dimension.kind === 'choice') return dimension.of[Math.floor(random() * dimension.of.length)]
  const [low, high] = rangeOf(dimension)
  return settingAt(dimension, low + random() * (high - low))
}

/** The range of a dimension on the scale on which it is even: a whole number k owns (k − ½, k + ½). */
export function rangeOf({ kind, low, high, log }: Exclude<Dimension, { kind: 'choice' }>): readonly [number, number] {
  const half = kind === 'whole' ? 0.5 : 0
  return log ? [Math.log(low - half), Math.log(high + half)] : [low - half, high + half]
}

/** Where a setting lies on that scale. */
export function scaleOf({ log }: Exclude<Dimension, { kind: 'choice' }>, setting: Setting): number {
  return log ? Math.log(Number(setting)) : Number(setting)
}

/** The setting at a place of that scale; places outside are the nearest end. */
export function settingAt({ kind, low, high, log }: Exclude<Dimension, { kind: 'choice' }>, place: number): number {
  const value = log ? Math.exp(place) : place
  return Math.min(high, Math.max(low, kind === 'whole' ? Math.round(value) : value))
}
