/**
 * Why a model says what it says, by leaving words out: for any model that gives logits, quantised ones too.
 *
 *   contribution of w = centred logits(text) − centred logits(text with w masked)        (Zeiler & Fergus 2014)
 *
One run a word, many words a batch. Contributions of single words do not sum to the logits: what words only do together
 * (not … good) is left in the bias.
 */
import type { Explanation } from '../../models/textModel.ts'
import type { Encoding } from '../tokenize/encoding.ts'
import { centred } from './integratedGradients.ts'
import { toExplanation } from './toExplanation.ts'
import { wordsOf } from './words.ts'

/** Raw logits [labels] of each sequence of ids, in their order. All have the same length. */
export type LogitsOf = (sequences: readonly Int32Array[]) => Promise<readonly ArrayLike<number>[]>

/** Sequences that are asked for at a time. */
const TOGETHER = 64

export async function explainByOcclusion(
  text: string,
  encoding: Encoding,
  logitsOf: LogitsOf,
  asked: { readonly baselineId: number; readonly temperature: number; readonly signal?: AbortSignal },
): Promise<Explanation> {
  const words = wordsOf(text, encoding)
  const sequences = [encoding.ids, ...words.map(({ tokens }) => masked(encoding.ids, tokens, asked.baselineId))]
  const seen: Float64Array[] = []
  for (let at = 0; at < sequences.length; at += TOGETHER) {
    asked.signal?.throwIfAborted()
    seen.push(...(await logitsOf(sequences.slice(at, at + TOGETHER))).map(centred))
  }
  const [whole, ...without] = seen
  const contributions = Float64Array.from(without.flatMap((logits) => Array.from(logits, (z, k) => whole[k] - z)))
  return toExplanation(text, words, contributions, whole, asked.temperature, 'occlusion')
}

function masked(ids: Int32Array, tokens: readonly number[], baselineId: number): Int32Array {
  const out = ids.slice()
  for (const t of tokens) out[t] = baselineId
  return out
}
