/**
 * The severity of a log line: what the line states about itself, else what its words say.
 *
 *   z = α · z_words + E_s        a line that states severity s
 *   z = z_words                  a line that states none
 *   z = z_words + R              one that states none, and says that trouble did not happen (`errors: 0`), or that it
 *                                did, in a field of its own (`error="disk full"`)
 *
 * R: `relief` for info, or for critical, 0 for the others. z_words: logits of the linear model over the masked line; E_s: `margin` for label s, 0 for the others.
 * α = min(damping, 1 / max_k(z_k − z_s)): however loudly the words disagree, they take at most 1 from the margin, so
 * the stated severity always is the answer, with at least e^(m−1) / (e^(m−1) + labels − 1), and how sure the answer is
 * still follows from the words. Both are sums over places in the line, so explanations are exact.
 */
import { softmax } from '../../math/softmax.ts'
import type { Explanation, FeatureContribution, Scored, SpanContribution, TextModel } from '../textModel.ts'
import type { Span, StatedSeverity } from './logLine.ts'
import { type LineReader, type Reading, readings } from './readings.ts'

export const severityLabels = ['info', 'warning', 'critical'] as const

/** Part of the artifact: with the same rule and words, a line gets the same answer in every version. */
export interface SeverityRule {
  /** How a line is read; a change of what is read in any line is a new number, and the old one stays. */
  readonly reading: Reading
  /** Logit that a stated severity is worth. */
  readonly margin: number
  /** At most this share of the words' logits is kept beside a stated severity. */
  readonly damping: number
  /** Logit that news of trouble is worth in a line that states none, for info or critical; 0 in the first reading. */
  readonly relief: number
}

export const severityRule: SeverityRule = { reading: 2, margin: 5, damping: 0.25, relief: 2 }

/** The rule as a manifest's parameters keep it. Throws an Error on one that this version does not know. */
export function readSeverityRule(parameters: Readonly<Record<string, number | string | boolean>>): SeverityRule {
  const { reading, margin, damping, relief = 0 } = parameters
  if (reading !== 1 && reading !== 2)
    throw new Error(`the rule of stated severities has the reading ${String(reading)}; this version knows 1 and 2`)
  if (typeof margin !== 'number' || typeof damping !== 'number' || typeof relief !== 'number')
    throw new Error('the rule of stated severities lacks its numbers')
  return { reading, margin, damping, relief }
}

/** @param words a model of masked lines with the labels of the severity task */
export function severityModel(
  words: TextModel,
  { reading, margin, damping, relief }: SeverityRule = severityRule,
): TextModel {
  const { labels } = words
  const read: LineReader = readings[reading]

  function score(line: string): Scored {
    const { stated, words: said, news, troubles } = read(line)
    const scored = words.score(said)
    if (stated === null && news.length + troubles.length === 0) return scored
    const logits = Float64Array.from(scored.probabilities, (p) => Math.log(Math.max(p, Number.MIN_VALUE)))
    if (stated === null) {
      logits[troubles.length > 0 ? CRITICAL : INFO] += relief
      return { ...scored, label: argmax(logits), probabilities: softmax(logits) }
    }
    const kept = keptShare(logits, stated)
    for (let k = 0; k < logits.length; k++) logits[k] = kept * logits[k] + (k === stated.severity ? margin : 0)
    return { ...scored, label: stated.severity, probabilities: softmax(logits) }
  }

  function explain(line: string): Explanation {
    const { stated, words: masked, news, troubles } = read(line)
    const explanation = restored(words.explain(masked), line, masked)
    if (stated === null) {
      if (troubles.length > 0) return told(explanation, line, troubles, CRITICAL)
      return news.length === 0 ? explanation : told(explanation, line, news, INFO)
    }
    const kept = keptShare(explanation.logits, stated)
    const bonus = labels.map((_, k) => (k === stated.severity ? margin : 0))
    const scaled = (values: readonly number[]) => values.map((value) => kept * value)
    const { start, end } = stated
    const feature = { feature: line.slice(start, end), start, end, contributions: bonus }
    const features = explanation.features.map((each) => ({ ...each, contributions: scaled(each.contributions) }))
    return {
      logits: explanation.logits.map((value, k) => kept * value + bonus[k]),
      bias: scaled(explanation.bias),
      spans: withSpan(
        explanation.spans.map((span) => ({ ...span, contributions: scaled(span.contributions) })),
        feature,
      ),
      features: [feature, ...features].slice(0, FEATURES_MAX),
    }
  }

  /** The places of news share what it is worth alike. */
  function told(explanation: Explanation, line: string, news: readonly Span[], label: number): Explanation {
    const bonus = (part: number) => labels.map((_, k) => (k === label ? relief / part : 0))
    const features = news.map(({ start, end }) => ({
      feature: line.slice(start, end),
      start,
      end,
      contributions: bonus(news.length),
    }))
    return {
      logits: explanation.logits.map((value, k) => value + bonus(1)[k]),
      bias: explanation.bias,
      spans: features.reduce<readonly SpanContribution[]>(withSpan, explanation.spans),
      features: [...features, ...explanation.features].slice(0, FEATURES_MAX),
    }
  }

  function keptShare(logits: ArrayLike<number>, { severity }: StatedSeverity): number {
    let lead = 0
    for (let k = 0; k < logits.length; k++) lead = Math.max(lead, logits[k] - logits[severity])
    return lead > 0 ? Math.min(damping, 1 / lead) : damping
  }

  return { labels, score, explain }
}

const INFO = 0
const CRITICAL = 2

function argmax(values: Float64Array): number {
  let best = 0
  for (let k = 1; k < values.length; k++) if (values[k] > values[best]) best = k
  return best
}

const FEATURES_MAX = 50

/** What was masked is shown as it stands in the line: `ip` covers the whole address. */
function restored(explanation: Explanation, line: string, masked: string): Explanation {
  const starts = new Set(explanation.spans.map((span) => span.start))
  const grown = (end: number): number => {
    let to = end
    while (to < line.length && masked[to] === ' ' && line[to] !== ' ' && !starts.has(to)) to++
    return to
  }
  return {
    ...explanation,
    spans: explanation.spans.map((span) => ({ ...span, end: grown(span.end) })),
    features: explanation.features.map((feature) => ({ ...feature, end: grown(feature.end) })),
  }
}

/** Puts one more stretch among ascending, disjoint spans: those that it touches become one with it. */
function withSpan(
  spans: readonly SpanContribution[],
  { start, end, contributions }: FeatureContribution,
): SpanContribution[] {
  const before = spans.filter((span) => span.end <= start)
  const after = spans.filter((span) => span.start >= end)
  const touched = spans.filter((span) => span.end > start && span.start < end)
  const merged = {
    start: Math.min(start, ...touched.map((span) => span.start)),
    end: Math.max(end, ...touched.map((span) => span.end)),
    contributions: contributions.map((value, k) => touched.reduce((sum, span) => sum + span.contributions[k], value)),
  }
  return [...before, merged, ...after]
}
