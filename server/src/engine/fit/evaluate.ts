/** What a model says of examples, without learning from them. */
import { seededRandom } from '../../math/random.ts'
import { sizeOf } from '../graph/tensor.ts'
import { toOnnx } from '../graph/toOnnx.ts'
import { encodeModel } from '../onnx/encode.ts'
import { openSession, type RunTensor, runTensor, type SessionOptions, valuesOf } from '../session.ts'
import { batchesOf } from './buckets.ts'
import { type Examples, type Feeds, lengthsOf } from './examples.ts'
import type { Bucket, Trainable } from './trainable.ts'

export interface Evaluated {
  /** Mean over the examples. */
  readonly loss: number
  /** [examples × width], in the order of the examples; empty where only the loss was asked for. */
  readonly logits: Float32Array
  readonly width: number
}

export interface EvaluateOptions {
  readonly session: SessionOptions
  /** Draws what examples draw (masked words): the same at every evaluation. */
  readonly seed: number
  /** False: only the loss. */
  readonly logits: boolean
  readonly signal?: AbortSignal
}

/** Sessions are opened for the evaluation and closed after it, so that training has the memory to itself. */
export async function evaluate(
  trainable: Trainable,
  weights: ReadonlyMap<string, Float32Array>,
  examples: Examples,
  buckets: readonly Bucket[],
  options: EvaluateOptions,
): Promise<Evaluated> {
  const batches = batchesOf(lengthsOf(examples), buckets, null)
  let loss = 0
  let width = 0
  let logits = new Float32Array(0)
  for (const [b, bucket] of buckets.entries()) {
    const mine = batches.filter((batch) => batch.bucket === b)
    if (mine.length === 0) continue
    const evaluator = await openEvaluator(trainable, weights, bucket, options)
    try {
      for (const [i, { rows }] of mine.entries()) {
        options.signal?.throwIfAborted()
        examples.fill(rows, bucket, evaluator.feeds, seededRandom(options.seed + 1_000_003 * b + i))
        const seen = await evaluator.run()
        loss += seen.loss * rows.length
        if (seen.logits === null) continue
        if (logits.length === 0) {
          width = seen.logits.length / bucket.rows
          logits = new Float32Array(examples.count * width)
        }
        for (const [at, row] of rows.entries()) {
          logits.set(seen.logits.subarray(at * width, (at + 1) * width), row * width)
        }
      }
    } finally {
      await evaluator.close()
    }
  }
  return { loss: loss / examples.count, logits, width }
}

async function openEvaluator(
  trainable: Trainable,
  weights: ReadonlyMap<string, Float32Array>,
  bucket: Bucket,
  { session: options, logits }: EvaluateOptions,
) {
  const step = await trainable.evaluationStep(bucket)
  const session = await openSession(encodeModel(toOnnx(step.graph)), options)
  const inputs: Record<string, RunTensor> = {}
  const feeds: Record<string, Feeds[string]> = {}
  for (const { name, type, shape } of step.graph.inputs) {
    const weight = weights.get(name)
    if (weight) {
      inputs[name] = runTensor('float32', weight, shape)
      continue
    }
    const elements = sizeOf(shape)
    switch (type) {
      case 'float32':
        feeds[name] = new Float32Array(elements)
        break
      case 'int64':
        feeds[name] = new BigInt64Array(elements)
        break
      case 'int32':
        feeds[name] = new Int32Array(elements)
        break
      case 'bool':
        feeds[name] = new Uint8Array(elements)
        break
      default:
        throw new TypeError(`${name} is ${type}; feeds are float32, int64, int32 or bool`)
    }
    inputs[name] = runTensor(type, feeds[name] as Float32Array, shape) // allocated as its type says
  }
  const wanted = logits ? [step.loss, 'logits'] : [step.loss]
  return {
    feeds,
    run: async () => {
      const seen = await session.run(inputs, wanted)
      return {
        loss: valuesOf('float32', seen[step.loss])[0],
        logits: logits ? valuesOf('float32', seen.logits) : null,
      }
    },
    close: () => session.close(),
  }
}
