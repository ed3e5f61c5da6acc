/** Freezes what a model does on held-out rows, for later drift checks. */
import { type Reference, type Signal, type SignalReference, signals } from '../domain/reference.ts'
import { quantileSketch } from '../math/quantileSketch.ts'
import type { Random } from '../math/random.ts'
import type { Scored, TextModel } from '../models/textModel.ts'

/** Rows in the sample: enough to see a shift of 0.1 σ; with these, reference.json has about 250 kB. */
export const SAMPLE_ROWS = 5000

/** The signals of one scored text. */
export function signalsOf(text: string, { label, probabilities, tokens, unknown }: Scored): Record<Signal, number> {
  let entropy = 0
  for (const p of probabilities) if (p > 0) entropy -= p * Math.log(p)
  return {
    chars: text.length,
    tokens,
    confidence: probabilities[label],
    // −0 and the last bit of rounding would be nonsense in print.
    entropy: Math.max(0, entropy),
    unknownShare: tokens === 0 ? 0 : unknown / tokens,
  }
}

/**
 * @param texts held-out rows, never trained on; at least one
 * @param random draws the sample
 */
export function makeReference(model: TextModel, texts: readonly string[], random: Random): Reference {
  return referenceOf(model.labels.length, texts, (row) => model.score(texts[row]), random)
}

/** The same for texts that were scored already. */
export function referenceOf(
  labels: number,
  texts: readonly string[],
  scored: (row: number) => Scored,
  random: Random,
): Reference {
  const rows = texts.length
  const label = new Int32Array(rows)
  const columns = Object.fromEntries(signals.map((signal) => [signal, new Float64Array(rows)]))
  const predicted = new Array<number>(labels).fill(0)
  for (const [row, text] of texts.entries()) {
    const one = scored(row)
    const seen = signalsOf(text, one)
    label[row] = one.label
    predicted[one.label]++
    for (const signal of signals) columns[signal][row] = seen[signal]
  }
  const drawn = draw(rows, Math.min(rows, SAMPLE_ROWS), random)
  const each = <T>(make: (values: Float64Array) => T): Record<Signal, T> => ({
    chars: make(columns.chars),
    tokens: make(columns.tokens),
    confidence: make(columns.confidence),
    entropy: make(columns.entropy),
    unknownShare: make(columns.unknownShare),
  })
  return {
    format: 1,
    rows,
    predicted,
    signals: each(describe),
    sample: {
      rows: drawn.length,
      label: Array.from(drawn, (row) => label[row]),
      signals: each((values) => Array.from(drawn, (row) => short(values[row]))),
    },
  }
}

function describe(values: Float64Array): SignalReference {
  let sum = 0
  for (const value of values) sum += value
  const mean = sum / values.length
  let squares = 0
  for (const value of values) squares += (value - mean) ** 2
  const sketch = quantileSketch(values)
  return {
    mean,
    std: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0,
    sketch: { ...sketch, means: sketch.means.map(short) },
  }
}

/** Five significant digits: below the noise of any sample, and half the size of the file. */
function short(value: number): number {
  return Number(value.toPrecision(5))
}

/** `count` different rows, ascending; each set equally likely (Knuth, TAOCP 3.4.2, algorithm S). */
function draw(rows: number, count: number, random: Random): Uint32Array {
  const drawn = new Uint32Array(count)
  let taken = 0
  for (let row = 0; row < rows && taken < count; row++) {
    if (random() * (rows - row) < count - taken) drawn[taken++] = row
  }
  return drawn
}
