/** What model.onnx says of many texts: the file that will serve is what gets measured, not the graph that learned. */
import { openSession, type RunTensors, runTensor, valuesOf } from '../../../engine/session.ts'
import type { TokenTexts } from './textExamples.ts'

export interface LogitsOf {
  /** model.onnx */
  readonly model: Uint8Array
  readonly inputs: readonly string[]
  readonly padId: number
  readonly threads: number
  readonly signal?: AbortSignal
  /** Called with the number of texts that are done. */
  readonly onProgress?: (texts: number) => void
}

/** Padded tokens of a batch: enough to keep two cores busy, and small against the model. */
const TOKENS_AT_ONCE = 4096

/** @returns [texts · labels], before any temperature */
export async function logitsOf(
  texts: TokenTexts,
  { model, inputs, padId, threads, signal, onProgress }: LogitsOf,
): Promise<Float32Array> {
  const { start, count } = texts
  const order = Uint32Array.from({ length: count }, (_, i) => i)
  order.sort((a, b) => start[a + 1] - start[a] - (start[b + 1] - start[b]) || a - b)
  const session = await openSession(model, { threads })
  let logits = new Float32Array(0)
  try {
    for (let at = 0; at < count; ) {
      signal?.throwIfAborted()
      // Ascending by length, so the last of a batch is its longest.
      let end = at + 1
      while (end < count && (end + 1 - at) * lengthOf(texts, order[end]) <= TOKENS_AT_ONCE) end++
      const rows = order.subarray(at, end)
      const seen = await session.run(feedsOf(texts, rows, padId, inputs), ['logits'])
      const values = valuesOf('float32', seen['logits'])
      const labels = values.length / rows.length
      if (logits.length === 0) logits = new Float32Array(count * labels)
      for (const [i, row] of rows.entries()) logits.set(values.subarray(i * labels, (i + 1) * labels), row * labels)
      at = end
      onProgress?.(at)
    }
  } finally {
    await session.close()
  }
  return logits
}

const lengthOf = ({ start }: TokenTexts, i: number): number => start[i + 1] - start[i]

function feedsOf(texts: TokenTexts, rows: Uint32Array, padId: number, inputs: readonly string[]): RunTensors {
  const length = lengthOf(texts, rows[rows.length - 1])
  const shape = [rows.length, length]
  const ids = new BigInt64Array(rows.length * length).fill(BigInt(padId))
  const mask = new BigInt64Array(rows.length * length)
  for (const [r, row] of rows.entries()) {
    const from = texts.start[row]
    for (let at = 0; at < lengthOf(texts, row); at++) {
      ids[r * length + at] = BigInt(texts.ids[from + at])
      mask[r * length + at] = 1n
    }
  }
  const types = new BigInt64Array(rows.length * length)
  const all = { input_ids: ids, attention_mask: mask, token_type_ids: types }
  return Object.fromEntries(
    Object.entries(all)
      .filter(([name]) => inputs.includes(name))
      .map(([name, values]) => [name, runTensor('int64', values, shape)]),
  )
}
