/** How a label looks: a tone and a shape, so that no label is told from another by colour alone. */

export type Tone = 'good' | 'bad' | 'quiet' | 'warn' | 'info' | 'violet' | 'rose' | 'olive' | 'cyan'
export type Shape = 'up' | 'down' | 'circle' | 'ring' | 'square' | 'diamond' | 'cross' | 'hexagon' | 'star'

export interface Look {
  readonly tone: Tone
  readonly shape: Shape
}

const KNOWN: Readonly<Record<string, Look>> = {
  positive: { tone: 'good', shape: 'up' },
  neutral: { tone: 'quiet', shape: 'circle' },
  negative: { tone: 'bad', shape: 'down' },
  info: { tone: 'info', shape: 'ring' },
  warning: { tone: 'warn', shape: 'up' },
  critical: { tone: 'bad', shape: 'diamond' },
}

const TONES: readonly Tone[] = ['info', 'violet', 'cyan', 'olive', 'rose', 'warn', 'good', 'quiet']
const SHAPES: readonly Shape[] = ['circle', 'square', 'diamond', 'up', 'hexagon', 'star', 'cross', 'down', 'ring']

/** The look of a label among the labels of its task: 8 tones and 9 shapes, so the pair repeats only after 72. */
export function look(label: string, labels: readonly string[]): Look {
  const known = KNOWN[label.toLowerCase()]
  if (known) return known
  const index = Math.max(0, labels.indexOf(label))
  return { tone: TONES[index % TONES.length], shape: SHAPES[index % SHAPES.length] }
}

/** Orders in which the labels of a task form a scale, least first. */
const SCALES: readonly (readonly string[])[] = [
  ['negative', 'neutral', 'positive'],
  ['negative', 'positive'],
  ['info', 'warning', 'critical'],
]

/** The labels from one end of their scale to the other; null where the labels are no scale. */
export function scaleOf(labels: readonly string[]): readonly string[] | null {
  return SCALES.find((scale) => scale.length === labels.length && scale.every((l) => labels.includes(l))) ?? null
}

/**
 * Where a text stands on its task's scale.
 *
 *   reading = Σₖ pₖ · sₖ        sₖ evenly spaced from −1 (first of the scale) to +1 (last)
 */
export function readingOn(scale: readonly string[], probabilities: Readonly<Record<string, number>>): number {
  const last = scale.length - 1
  return scale.reduce((sum, label, k) => sum + (probabilities[label] ?? 0) * ((2 * k) / last - 1), 0)
}
