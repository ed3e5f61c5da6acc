/**
 * An export as something that learns, and its tuned weights back in the very file.
 *
 * What is an encoder of a known family becomes one of ours; every other graph is differentiated as it is. No name is
 * taken for it: the encoder has to give the logits that the graph gives.
 */
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Trainable } from '../fit/trainable.ts'
import { sizeOf } from '../graph/tensor.ts'
import { toOnnx } from '../graph/toOnnx.ts'
import { type ClassifierConfig, encoderClassifier } from '../nn/encoder.ts'
import { encodeModel } from '../onnx/encode.ts'
import { openSession, type RunTensor, runTensor, valuesOf } from '../session.ts'
import { foldExport } from './foldExport.ts'
import { importGraph, SMALLEST } from './importGraph.ts'
import { type Exported, readExport } from './readExport.ts'
import { recogniseEncoder } from './recogniseEncoder.ts'
import { writeWeights } from './writeWeights.ts'

export interface ImportedExport {
  /** Feeds: `input_ids`, `attention_mask`, `targets`, `row_weights`, as of nn/encoder.ts. */
  readonly trainable: Trainable
  readonly labels: number
  /** What it was recognised as; null where it is differentiated as it is. */
  readonly encoder: ClassifierConfig | null
  /** The bytes of the export with these values of the trainable's parameters; all else is as it was. */
  readonly withWeights: (now: (name: string) => Float32Array) => Uint8Array
}

export interface ImportOptions {
  /** By the trainable's names. Default: all. */
  readonly learns?: (name: string) => boolean
  /** Of a recognised encoder, instead of the rate that all of them were pre-trained with. */
  readonly dropout?: ClassifierConfig['dropout']
  /** Whether known families are recognised. Default: yes. */
  readonly recognise?: boolean
}

/**
 * @param file the bytes, which are then held, or their path: then the file must stay as it is, the weights are read from it
 *             when they are asked for, and nothing holds them meanwhile
 */
export async function importExport(file: Uint8Array | string, options: ImportOptions = {}): Promise<ImportedExport> {
  const { learns = () => true, dropout, recognise = true } = options
  const exported = await (typeof file === 'string' ? readExportAt(file) : readExport(file))
  const bytes = (): Uint8Array => (typeof file === 'string' ? readFileSync(file) : file)
  const folded = await foldExport(exported, SMALLEST)
  const labels = folded.types.get(exported.output)?.shape[1] ?? 0
  const graph = importGraph(exported, labels, learns)
  for (const { config: found, known, exportedValues } of recognise ? recogniseEncoder(exported, folded) : []) {
    const config = dropout ? { ...found, dropout } : found
    const trainable = encoderClassifier(config, { seed: 0, known, learns })
    if (!(await isSame(graph, trainable, config.vocabulary))) continue
    return {
      trainable,
      labels,
      encoder: config,
      withWeights: (now) => writeWeights(bytes(), exported.weights, (weight) => exportedValues(weight, now)),
    }
  }
  return {
    trainable: graph,
    labels,
    encoder: null,
    withWeights: (now) => writeWeights(bytes(), exported.weights, ({ name }) => now(name)),
  }
}

async function readExportAt(path: string): Promise<Exported> {
  return readExport(await readFile(path), path)
}

/** Two ways to the same logits differ by their roundings. */
const TOLERANCE = 1e-4

async function isSame(one: Trainable, other: Trainable, vocabulary: number): Promise<boolean> {
  const [wanted, found] = [await logitsOf(one, vocabulary), await logitsOf(other, vocabulary)]
  const largest = wanted.reduce((largest, logit) => Math.max(largest, Math.abs(logit)), 1)
  return wanted.every((logit, i) => Math.abs(logit - found[i]) <= TOLERANCE * largest)
}

/** The logits of two texts of tokens from all over the vocabulary, the second of which ends in padding. */
async function logitsOf(trainable: Trainable, vocabulary: number): Promise<Float32Array> {
  const { rows, length } = SMALLEST
  const step = await trainable.evaluationStep(SMALLEST)
  // 0, 1 and 2 are the padding of one family or another; 7919 is a prime that no vocabulary is a multiple of.
  const ids = BigInt64Array.from({ length: rows * length }, (_, at) => BigInt(3 + ((at * 7919) % (vocabulary - 3))))
  const mask = BigInt64Array.from({ length: rows * length }, (_, at) => (at < rows * length - 3 ? 1n : 0n))
  const weights = new Map(trainable.parameters.map(({ name, initial }) => [name, initial]))
  const feeds = step.graph.inputs.map(({ name, type, shape }): [string, RunTensor] =>
    type === 'int64'
      ? [name, runTensor('int64', name === 'attention_mask' ? mask : ids, shape)]
      : // Of the loss, whose feeds are no parameters, nothing is asked.
        [name, runTensor('float32', weights.get(name) ?? new Float32Array(sizeOf(shape)).fill(1), shape)],
  )
  const session = await openSession(encodeModel(toOnnx(step.graph)))
  try {
    const { logits } = await session.run(Object.fromEntries(feeds), ['logits'])
    return valuesOf('float32', logits)
  } finally {
    await session.close()
  }
}
