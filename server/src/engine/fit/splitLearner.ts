/**
 * A learner that shares the rows of a batch out to threads, each with a session of its own on one thread: for models of many
 * small operators, such as an LSTM's, where sharing each operator out costs more than it gains.
 *
 *   g = Σₚ (Wₚ/W)·gₚ,  loss = Σₚ (Wₚ/W)·lossₚ       Wₚ: weight of the rows of part p
 *
 * which is what the step would give of all rows, for its loss is the weighted mean over the rows (feed `row_weights`).
 */
import assert from 'node:assert/strict'
import { Fault } from '../../domain/faults.ts'
import { startWorker } from '../../platform/worker.ts'
import { sizeOf } from '../graph/tensor.ts'
import { toOnnx } from '../graph/toOnnx.ts'
import { encodeModel } from '../onnx/encode.ts'
import { openSession, type RunTensor, type SessionOptions } from '../session.ts'
import { type Feeds, floats } from './examples.ts'
import { type Learner, masking, scratchType } from './learner.ts'
import type { Parameters, ScratchType } from './parameters.ts'
import { ASKED, CLOSED, DONE, FAILED, type PartData, type PartTensor, partTensor } from './part.ts'
import type { Step } from './trainable.ts'

/** Of the graph's inputs, the one that says what each row counts. */
const ROW_WEIGHTS = 'row_weights'

/**
 * The runtime would put a Transpose into the Gemm after it, as a flag; a tall matrix (all rows of all steps) is multiplied
 * faster once it is turned: 1.28 ms against 1.68 for [128, 1920]·[1920, 256] on one thread of an EPYC 9004.
 */
const UNFUSED = { 'optimization.disable_specified_optimizers': 'GemmTransposeFusion' }

/** The tensors that need memory of their own. */
export function splitTensorsOf(
  step: Step,
  parts: number,
  parameters: ReadonlySet<string>,
): { type: ScratchType; elements: number }[] {
  const own = [...step.graph.inputs.filter(({ name }) => !parameters.has(name)), ...step.graph.outputs]
  const once = own.map(({ name, type, shape }) => ({ type: scratchType(name, type), elements: sizeOf(shape) }))
  return Array.from({ length: parts }, () => once).flat()
}

/**
 * @param step        of a part: its rows are the bucket's divided by the parts, and its gradients are all whole
 * @param accumulates adds to the gradients that are there, instead of replacing them
 */
export async function openSplitLearner(
  step: Step,
  parts: number,
  parameters: Parameters,
  accumulates: boolean,
  options: SessionOptions,
): Promise<Learner> {
  const { kernel, scratch, gradients } = parameters
  scratch.reset()
  const { feeds, pieces } = layOutFeeds(step, parts, parameters)
  const laidOut = pieces.map((inputs) => ({ inputs, outputs: layOutOutputs(step, parameters) }))
  const fills = laidOut.flatMap(({ inputs }, part) =>
    step.masks.map(({ feed, keep }, k) =>
      masking(kernel, viewOf(parameters, inputs, feed), keep, part * step.masks.length + k),
    ),
  )
  const losses = laidOut.map(({ outputs }) => viewOf(parameters, outputs, step.loss))
  const sums = Object.entries(step.gradients).map(([name, outputs]) => {
    const [only, ...others] = outputs
    assert(
      only.kind === 'dense' && others.length === 0,
      `the gradient of ${name} is not whole: its rows cannot be split`,
    )
    const gradient = gradients.get(name)
    assert(gradient, `${name} does not learn`)
    return { gradient, parts: laidOut.map(({ outputs }) => viewOf(parameters, outputs, only.output)) }
  })

  const model = encodeModel(toOnnx(step.graph))
  const [first, ...others] = laidOut
  const alone = { ...options, threads: 1, settings: { ...options.settings, ...UNFUSED } }
  const threads = await Promise.all(
    others.map((tensors) => startPart({ model, options: alone, ...tensors }, parameters)),
  )
  const session = await openSession(model, alone)
  const inputs = tensorsOn(parameters, first.inputs)
  const outputs = tensorsOn(parameters, first.outputs)
  return {
    feeds,
    async run(at) {
      for (const fill of fills) fill(at)
      const weights = partWeights(floats(feeds, ROW_WEIGHTS), parts)
      for (const thread of threads) thread.ask()
      await session.run(inputs, outputs)
      for (const thread of threads) await thread.done()
      let loss = 0
      for (const { gradient } of sums) if (!accumulates) kernel.zero(gradient.byteOffset, gradient.length)
      weights.forEach((weight, part) => {
        // The mean of rows that all weigh nothing is no number; it counts for nothing either.
        if (weight === 0) return
        loss += weight * losses[part][0]
        for (const { gradient, parts } of sums)
          kernel.addScaled(gradient.byteOffset, parts[part].byteOffset, gradient.length, weight)
      })
      return loss
    },
    async close() {
      await Promise.all([session.close(), ...threads.map((thread) => thread.close())])
    },
  }
}

/** The feeds of the whole batch, and what each part is fed: its rows of them, masks of its own, and the parameters. */
function layOutFeeds(step: Step, parts: number, { scratch, weights }: Parameters) {
  const masks = new Set(step.masks.map(({ feed }) => feed))
  const feeds: Record<string, Feeds[string]> = {}
  const pieces: PartTensor[][] = Array.from({ length: parts }, () => [])
  for (const { name, type, shape } of step.graph.inputs) {
    const kind = scratchType(name, type)
    const weight = weights.get(name)
    const size = sizeOf(shape)
    const fed = weight || masks.has(name) ? null : scratch.allocate(kind, parts * size)
    if (fed) feeds[name] = fed
    for (const [part, piece] of pieces.entries()) {
      const values = weight ?? fed?.subarray(part * size, (part + 1) * size) ?? scratch.allocate(kind, size)
      piece.push({ name, type: kind, offset: values.byteOffset, shape })
    }
  }
  return { feeds, pieces }
}

function layOutOutputs(step: Step, { scratch }: Parameters): PartTensor[] {
  return step.graph.outputs.map(({ name, type, shape }) => {
    const kind = scratchType(name, type)
    return { name, type: kind, offset: scratch.allocate(kind, sizeOf(shape)).byteOffset, shape }
  })
}

function viewOf({ buffer }: Parameters, tensors: readonly PartTensor[], name: string): Float32Array {
  const tensor = tensors.find((one) => one.name === name)
  assert(tensor?.type === 'float32', `no float32 tensor is called ${name}`)
  return new Float32Array(buffer, tensor.offset, sizeOf(tensor.shape))
}

/** [parts] each part's share of the weight of all rows. */
function partWeights(rows: Float32Array, parts: number): number[] {
  const each = rows.length / parts
  const sums = Array.from({ length: parts }, (_, part) =>
    rows.subarray(part * each, (part + 1) * each).reduce((sum, weight) => sum + weight, 0),
  )
  const all = sums.reduce((sum, weight) => sum + weight, 0)
  return sums.map((sum) => sum / all)
}

const tensorsOn = ({ buffer }: Parameters, tensors: readonly PartTensor[]): Record<string, RunTensor> =>
  Object.fromEntries(tensors.map((tensor) => [tensor.name, partTensor(buffer, tensor)]))

interface PartRunning {
  ask(): void
  done(): Promise<void>
  close(): Promise<void>
}

async function startPart(part: Omit<PartData, 'memory' | 'control'>, { buffer }: Parameters): Promise<PartRunning> {
  const control = new Int32Array(new SharedArrayBuffer(8))
  const workerData: PartData = { ...part, memory: buffer, control }
  // Asked through shared memory instead of by messages: a step of a small model takes less than a turn of the event loop.
  const thread = startWorker(new URL('./partThread.ts', import.meta.url), {
    name: 'A thread of the training',
    workerData,
  })
  void thread.exited.then(() => {
    Atomics.store(control, DONE, FAILED)
    Atomics.notify(control, DONE)
  })
  await thread.ready
  let turn = 0
  return {
    ask() {
      turn++
      Atomics.store(control, ASKED, turn)
      Atomics.notify(control, ASKED)
    },
    async done() {
      for (let at = Atomics.load(control, DONE); at !== turn; at = Atomics.load(control, DONE)) {
        if (at === FAILED)
          throw new Fault('internal', { say: 'A thread of the training stopped.', cause: thread.ended })
        const waited = Atomics.waitAsync(control, DONE, at)
        if (waited.async) await waited.value
      }
    },
    async close() {
      Atomics.store(control, ASKED, CLOSED)
      Atomics.notify(control, ASKED)
      await thread.exited
    },
  }
}
