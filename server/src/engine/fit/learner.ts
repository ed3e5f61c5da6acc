/** A step at one shape, opened: run it on a batch, and the gradients lie in the parameters' memory. */
import assert from 'node:assert/strict'
import type { Value } from '../graph/ir.ts'
import { sizeOf } from '../graph/tensor.ts'
import { toOnnx } from '../graph/toOnnx.ts'
import { encodeModel } from '../onnx/encode.ts'
import { openSession, type RunTensor, runTensor, type SessionOptions } from '../session.ts'
import { type AccumulatingStep, accumulating } from './accumulate.ts'
import type { Feeds } from './examples.ts'
import type { Kernel } from './kernel/kernel.ts'
import type { Parameters, ScratchType } from './parameters.ts'
import type { Step } from './trainable.ts'

export interface Learner {
  /** To be filled before each run. They share their memory with the learners of other shapes. */
  readonly feeds: Feeds
  /**
   * Draws the masks, runs the step and puts the gradients in place.
   *
   * @param at the step of the optimiser from 1, and the turn within it from 0: what the masks depend on beside the seed
   * @returns the loss
   */
  run(at: { readonly seed: number; readonly step: number; readonly turn: number }): Promise<number>
  close(): Promise<void>
}

/** The tensors of a step that need memory of their own: what scratchBytes sums up. */
export function tensorsOf(step: Step, parameters: ReadonlySet<string>): { type: ScratchType; elements: number }[] {
  const fed = step.graph.inputs.filter(({ name }) => !parameters.has(name))
  const rows = rowOutputs(step).map(({ value }) => value)
  const sizes = [...fed, ...rows].map(({ name, type, shape }) => ({
    type: scratchType(name, type),
    elements: sizeOf(shape),
  }))
  return [...sizes, { type: 'float32', elements: 1 }]
}

/**
 * @param accumulates adds to the gradients that are there, instead of replacing them: zero them before the first turn
 */
export async function openLearner(
  step: Step,
  parameters: Parameters,
  accumulates: boolean,
  options: SessionOptions,
): Promise<Learner> {
  const run: AccumulatingStep = accumulates ? accumulating(step) : { ...step, before: new Map() }
  const { scratch, kernel, weights, gradients } = parameters
  const inputs: Record<string, RunTensor> = {}
  const outputs: Record<string, RunTensor> = {}
  const feeds: Record<string, Feeds[string]> = {}
  scratch.reset()
  const masks = new Map(step.masks.map((mask) => [mask.feed, mask]))
  const before = new Set(run.before.values())
  const fills: ((at: { seed: number; step: number; turn: number }) => void)[] = []
  for (const { name, type, shape } of run.graph.inputs) {
    if (before.has(name)) continue
    const weight = weights.get(name)
    const kind = scratchType(name, type)
    const values = weight ?? scratch.allocate(kind, sizeOf(shape))
    inputs[name] = runTensor(kind, values as Float32Array, shape) // allocated as its type says
    const mask = masks.get(name)
    if (mask) fills.push(masking(kernel, values as Float32Array, mask.keep, fills.length))
    else if (!weight) feeds[name] = values
  }
  for (const [name, parts] of Object.entries(run.gradients)) {
    const dense = parts.filter(({ kind }) => kind === 'dense')
    assert(dense.length <= 1, `the gradient of ${name} comes out whole at most once`)
    for (const { output } of dense) {
      const gradient = gradients.get(name)
      assert(gradient, `${name} does not learn`)
      outputs[output] = runTensor('float32', gradient, shapeOf(run, output))
      const fed = run.before.get(output)
      if (fed !== undefined) inputs[fed] = outputs[output]
    }
  }
  const finishes = rowOutputs(step).map(({ parameter, output, ids, value, first }) => {
    const rows = scratch.allocate('float32', sizeOf(value.shape))
    outputs[output] = runTensor('float32', rows, value.shape)
    const gradient = gradients.get(parameter)
    const fed = feeds[ids]
    assert(gradient && fed instanceof BigInt64Array, `${output} needs a table that learns and int64 ids`)
    const width = value.shape[value.shape.length - 1]
    const [table, from, named, count] = [gradient.byteOffset, rows.byteOffset, fed.byteOffset, rows.length / width]
    return () => {
      if (first && !accumulates) kernel.zero(table, gradient.length)
      kernel.scatterAdd(table, gradient.length / width, from, named, count, width)
    }
  })
  const loss = scratch.allocate('float32', 1)
  outputs[step.loss] = runTensor('float32', loss, shapeOf(run, step.loss))
  const session = await openSession(encodeModel(toOnnx(run.graph)), options)
  return {
    feeds,
    run: async (at) => {
      for (const fill of fills) fill(at)
      await session.run(inputs, outputs)
      for (const finish of finishes) finish()
      return loss[0]
    },
    close: () => session.close(),
  }
}

/** Distinguishes the masks from anything else that is drawn with the same seed. */
const MASK_SALT = 0x6d61736b
/** Masks are decided by 16 bits an element: see kernel.wat. */
const THRESHOLDS = 65_536

/** Fills a mask with 0 or 1/keep; keep is rounded to 16 bits, and the value is made for what it was rounded to. */
export function masking(kernel: Kernel, values: Float32Array, keep: number, site: number) {
  const threshold = Math.round(keep * THRESHOLDS)
  assert(threshold > 0 && threshold < THRESHOLDS, `a mask keeps a share between 0 and 1, not ${keep}`)
  const count = Math.ceil(values.length / 32) * 32
  return ({ seed, step, turn }: { seed: number; step: number; turn: number }): void =>
    kernel.mask(values.byteOffset, count, THRESHOLDS / threshold, threshold, seed, MASK_SALT, site, step, turn)
}

interface RowOutput {
  readonly parameter: string
  readonly output: string
  readonly ids: string
  readonly value: Value
  /** Nothing has written this parameter's gradient before it. */
  readonly first: boolean
}

function rowOutputs(step: Step): RowOutput[] {
  const found: RowOutput[] = []
  for (const [parameter, parts] of Object.entries(step.gradients)) {
    let written = parts.some(({ kind }) => kind === 'dense')
    for (const part of parts) {
      if (part.kind !== 'rows') continue
      const { output, ids } = part
      found.push({ parameter, output, ids, value: outputOf(step, output), first: !written })
      written = true
    }
  }
  return found
}

function outputOf(step: Step, name: string): Value {
  const value = step.graph.outputs.find((output) => output.name === name)
  assert(value, `the step has no output ${name}`)
  return value
}

const shapeOf = (step: Step, name: string): readonly number[] => outputOf(step, name).shape

export function scratchType(name: string, type: Value['type']): ScratchType {
  if (type === 'float32' || type === 'int64' || type === 'int32' || type === 'bool') return type
  throw new TypeError(`${name} is ${type}; feeds are float32, int64, int32 or bool`)
}
