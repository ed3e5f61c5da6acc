/** card.md of a cascade: who answers what, and what that costs. */
import type { Threshold } from '../../../models/text/cascade/chooseThreshold.ts'
import type { MeasuredCascade, TrainCascade } from './trainCascade.ts'

export interface CascadeFacts {
  readonly threshold: Threshold
  readonly measured: readonly MeasuredCascade[]
  /** Whether the transformer was trained on the same rows, so that it is known which of them it has not seen. */
  readonly isSameData: boolean
}

export function cascadeCard(
  { model, allowed, transformer }: TrainCascade,
  { threshold, measured, isSameData }: CascadeFacts,
): string {
  const { loss, p } = threshold
  const rule =
    allowed.kind === 'none-significant'
      ? `no loss of accuracy that an exact McNemar test finds at the level ${allowed.level}`
      : `at most ${percent(allowed.loss)} of the rows lost, at 95 % confidence`
  const rows = measured.flatMap(({ cascade, linear, transformer, share }) =>
    [cascade, linear, transformer].map((one, i) => {
      const { value, low, high } = one.metrics['accuracy'] ?? { value: NaN, low: NaN, high: NaN }
      return `| ${one.name} | ${one.rows} | ${percent(value)} (${percent(low)}–${percent(high)}) | ${i === 0 ? percent(share) : ''} |`
    }),
  )
  return `# ${model}

A linear model answers where its calibrated confidence is at least **${Number.isFinite(threshold.threshold) ? threshold.threshold.toFixed(4) : '(never)'}**, the transformer ${transformer.manifest.model} the rest.

The threshold was chosen for ${rule}. On the rows it was chosen on, the linear model answers ${percent(threshold.share)}, and the
cascade loses ${percent(loss.loss)} (95 %: ${percent(loss.low)} to ${percent(loss.high)}) against the transformer alone; p = ${p.toPrecision(2)}. The figures below are
of other rows.

| rows | number | accuracy (95 %) | answered by the linear model |
|---|---|---|---|
${rows.join('\n')}
${
  isSameData
    ? ''
    : `
The transformer was trained on other data than these rows. Where it has seen some of them, its figures here, and with them
the threshold, flatter it.
`
}`
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`
}
