/**
 * The severity of a log line: what the line states about itself, else what its words say.
 *
 *   z = α · z_words + E_s        a line that states severity s
 *   z = z_words                  a line that states none
 *
 * z_words: logits of the linear model over the masked line; E_s: `margin` for label s, 0 for the others.
 * α = min(damping, 1 / max_k(z_k − z_s)): however loudly the words disagree, they take at most 1 from the margin, so
 * the stated severity always is the answer, with at least e^(m−1) / (e^(m−1) + labels − 1), and how sure the answer is
 * still follows from the words. Both are sums over places in the line, so explanations are exact.
 */
import { softmax } from '../../../math/softmax.ts'
import type { Explanation, FeatureContribution, Scored, SpanContribution, TextModel } from '../../textModel.ts'
import { type ExplicitSeverity, explicitSeverity } from './explicitSeverity.ts'
import { maskLine } from './maskLine.ts'

export const severityLabels = ['info', 'warning', 'critical'] as const

/** Part of the artifact: with the same rule and words, a line gets the same answer in every version. */
export interface SeverityRule {
  /** Version of explicitSeverity and maskLine; a change of what they give is a new number. */
  readonly reading: 1
  /** Logit that a stated severity is worth. */
  readonly margin: number
  /** At most this share of the words' logits is kept beside a stated severity. */
  readonly damping: number
}

export const severityRule: SeverityRule = { reading: 1, margin: 5, damping: 0.25 }

/** The rule as a manifest's parameters keep it. Throws an Error on one that this version does not know. */
export function readSeverityRule(parameters: Readonly<Record<string, number | string | boolean>>): SeverityRule {
  const { reading, margin, damping } = parameters
  if (reading !== 1)
    throw new Error(`the rule of stated severities has the reading ${String(reading)}; this version knows 1`)
  if (typeof margin !== 'number' || typeof damping !== 'number')
    throw new Error('the rule of stated severities lacks its numbers')
  return { reading, margin, damping }
}

/** @param words a model of masked lines with the labels of the severity task */
export function severityModel(words: TextModel, { margin, damping }: SeverityRule = severityRule): TextModel {
  const { labels } = words

  function score(line: string): Scored {
    const stated = explicitSeverity(line)
    const scored = words.score(maskLine(line))
    if (stated === null) return scored
    const logits = Float64Array.from(scored.probabilities, (p) => Math.log(Math.max(p, Number.MIN_VALUE)))
    const kept = keptShare(logits, stated)
    for (let k = 0; k < logits.length; k++) logits[k] = kept * logits[k] + (k === stated.severity ? margin : 0)
    return { ...scored, label: stated.severity, probabilities: softmax(logits) }
  }

  function explain(line: string): Explanation {
    const masked = maskLine(line)
    const explanation = restored(words.explain(masked), line, masked)
    const stated = explicitSeverity(line)
    if (stated === null) return explanation
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

  function keptShare(logits: ArrayLike<number>, { severity }: ExplicitSeverity): number {
    let lead = 0
    for (let k = 0; k < logits.length; k++) lead = Math.max(lead, logits[k] - logits[severity])
    return lead > 0 ? Math.min(damping, 1 / lead) : damping
  }

  return { labels, score, explain }
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
