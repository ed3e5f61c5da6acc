/** card.md of a version in 8 bits: what it was made of, and what that cost. */
import type { QuantizeChange, QuantizeVersion } from './quantizeVersion.ts'

/** @param base the card of what it was made of, which follows below; undefined where there is none */
export function quantizedCard(
  { model, title, artifact, rowsName, embeddings }: QuantizeVersion,
  change: QuantizeChange,
  base: Uint8Array | undefined,
): Uint8Array {
  const { rows, flips, loss, p } = change
  const row = (name: string, metric: string) => {
    const [before, after] = [change.before.metrics[metric], change.after.metrics[metric]]
    return before && after ? [`| ${name} | ${estimate(before)} | ${estimate(after)} |`] : []
  }
  const text = `# ${model}

${title} (\`${artifact.digest.slice(0, 12)}\`) with weights of 8 bits: s8 per column${embeddings ? ', embedding tables s8 per row' : ''}, activations u8 as they come.
Attention, norms and the classifier's head compute in float32.

| on ${rowsName}, ${rows} rows | fp32 | int8 |
|---|---|---|
${[...row('accuracy (95 %)', 'accuracy'), ...row('log loss (95 %)', 'logLoss')].join('\n')}
| model.onnx | ${megabytes(change.bytesBefore)} | ${megabytes(change.bytesAfter)} |

${flips} of ${rows} rows (${percent(flips / rows)}) are answered with another label. Accuracy lost: ${percent(loss.loss)} (95 %: ${percent(loss.low)} to ${percent(loss.high)}; exact
McNemar p = ${p.toPrecision(2)}). A probability moved by ${change.meanChange.toFixed(4)} on average and by ${change.maxChange.toFixed(4)} at most.

The activations of a batch are quantised together, so that a text's probabilities depend a little on the texts that it is
scored with.
`
  const below = base === undefined ? '' : `\n---\n\n${new TextDecoder().decode(base)}`
  return new TextEncoder().encode(text + below)
}

function estimate({
  value,
  low,
  high,
}: {
  readonly value: number
  readonly low: number
  readonly high: number
}): string {
  return `${value.toFixed(4)} (${low.toFixed(4)}–${high.toFixed(4)})`
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
