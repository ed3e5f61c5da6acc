/** What a version says of many texts, without serving it: for trainers that learn from other models. */

import { Fault } from '../../domain/faults.ts'
import { readTransformerForm } from '../../engine/serve/transformerForm.ts'
import { readTokenizer } from '../../engine/tokenize/tokenizer.ts'
import { scoreTexts } from '../../evaluation/scoreTexts.ts'
import { softmax } from '../../math/softmax.ts'
import { CASCADE_FILE, LINEAR_PREFIX, readCascade, TRANSFORMER_PREFIX } from '../../models/text/cascade/cascadeModel.ts'
import { decodeLinear, MODEL_FILE } from '../../models/text/linearCodec.ts'
import type { Scored } from '../../models/textModel.ts'
import { type Artifact, wholeFile } from '../../versions/artifacts/artifact.ts'
import { decodeArtifact } from '../../versions/artifacts/loadArtifact.ts'
import { logitsOf } from './transformer/logitsOf.ts'
import { encodeTexts } from './transformer/textExamples.ts'

export interface ScoreArtifact {
  readonly threads: number
  readonly signal: AbortSignal
  readonly onProgress?: (texts: number) => void
}

/** @returns [texts] in their order, with the labels of the version's manifest */
export async function scoreArtifact(
  artifact: Artifact,
  texts: readonly string[],
  options: ScoreArtifact,
): Promise<readonly Scored[]> {
  const { kind } = artifact.manifest
  switch (kind) {
    case 'linear':
    case 'severity':
      return scoreTexts(decodeArtifact(artifact).model, texts, options)
    case 'transformer':
      return scoreTransformer(artifact, texts, options, '')
    case 'cascade':
      return scoreCascade(artifact, texts, options)
    case 'lstm':
      throw new Fault('model_unsupported', { say: `${artifact.manifest.model} scores telemetry, not texts.` })
    default:
      return kind satisfies never
  }
}

async function scoreCascade(
  artifact: Artifact,
  texts: readonly string[],
  options: ScoreArtifact,
): Promise<readonly Scored[]> {
  const { labels } = artifact.manifest
  const { threshold } = readCascade(new TextDecoder().decode(await wholeFile(artifact, CASCADE_FILE)))
  const linear = decodeLinear({ [MODEL_FILE]: await wholeFile(artifact, `${LINEAR_PREFIX}${MODEL_FILE}`) })
  const answers = await scoreTexts(linear, texts, { signal: options.signal })
  const scored = answers.map((answer) => inOrder(answer, linear.labels, labels))
  const unsure = [...scored.keys()].filter((i) => scored[i].probabilities[scored[i].label] < (threshold ?? Infinity))
  const rest = unsure.map((i) => texts[i])
  for (const [k, answer] of (await scoreTransformer(artifact, rest, options, TRANSFORMER_PREFIX)).entries())
    scored[unsure[k]] = answer
  return scored
}

/** The same answer with its labels in another order. */
export function inOrder(scored: Scored, from: readonly string[], to: readonly string[]): Scored {
  const probabilities = Float64Array.from(to, (label) => scored.probabilities[from.indexOf(label)])
  return { ...scored, label: to.indexOf(from[scored.label]), probabilities }
}

async function scoreTransformer(
  artifact: Artifact,
  texts: readonly string[],
  { threads, signal, onProgress }: ScoreArtifact,
  prefix: string,
): Promise<Scored[]> {
  if (texts.length === 0) return []
  const { labels, calibration } = artifact.manifest
  const form = readTransformerForm(await wholeFile(artifact, `${prefix}transformer.json`))
  const tokenizer = readTokenizer(await wholeFile(artifact, `${prefix}tokenizer.json`), form)
  const tokens = await encodeTexts(tokenizer, texts, signal)
  const logits = await logitsOf(tokens, {
    model: await wholeFile(artifact, `${prefix}model.onnx`),
    inputs: form.inputs,
    padId: form.padId,
    threads,
    signal,
    ...(onProgress ? { onProgress } : {}),
  })
  return texts.map((_, row) => {
    const scaled = logits
      .subarray(row * labels.length, (row + 1) * labels.length)
      .map((z) => z / calibration.temperature)
    const probabilities = softmax(scaled)
    let label = 0
    for (let k = 1; k < labels.length; k++) if (probabilities[k] > probabilities[label]) label = k
    return { label, probabilities, tokens: tokens.tokens[row], unknown: tokens.unknown[row] }
  })
}
