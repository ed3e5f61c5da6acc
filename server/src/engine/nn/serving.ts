/** From trained weights to a model that ONNX Runtime serves: weights as initializers, dimensions left open. */
import assert from 'node:assert/strict'
import type { GraphBuilder } from '../graph/builder.ts'
import type { Value } from '../graph/ir.ts'
import { gather } from '../graph/ops.ts'
import type { Dimension, OnnxModel, Tensor, ValueInfo } from '../onnx/model.ts'
import { type Build, flat } from './build.ts'

export type Weights = (name: string) => { readonly shape: readonly number[]; readonly values: Float32Array }

/** The weights of a trainable as they are at its start, or as another source (a trainer) has them now. */
export function weightsOf(
  parameters: readonly { readonly name: string; readonly shape: readonly number[]; readonly initial: Float32Array }[],
  now?: (name: string) => Float32Array,
): Weights {
  const byName = new Map(parameters.map((spec) => [spec.name, spec]))
  return (name) => {
    const spec = byName.get(name)
    assert(spec, `no parameter is called ${name}`)
    return { shape: spec.shape, values: now?.(name) ?? spec.initial }
  }
}

/** A build whose parameters are initializers, and where nothing drops out. The weights are not copied. */
export function servingBuild(g: GraphBuilder, weights: Weights): Build {
  const made = new Map<string, Value>()
  const weight = (name: string): Value => {
    const { shape, values } = weights(name)
    const value = made.get(name) ?? g.initializer(floats(shape, values), name)
    made.set(name, value)
    return value
  }
  return {
    g,
    weight,
    tied: weight,
    rows: (table, ids) => gather(g, weight(table), flat(g, ids)),
    dropout: (x) => x,
  }
}

export function floats(shape: readonly number[], values: Float32Array): Tensor {
  return { type: 'float32', shape, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) }
}

/** The model with these dimensions at its inputs and outputs, by name. */
export function servingModel(model: OnnxModel, dimensions: Readonly<Record<string, readonly Dimension[]>>): OnnxModel {
  const open = (info: ValueInfo): ValueInfo => ({ ...info, shape: dimensions[info.name] ?? info.shape })
  const { graph } = model
  return { ...model, graph: { ...graph, inputs: graph.inputs.map(open), outputs: graph.outputs.map(open) } }
}
