/**
 * The LSTM detector as ONNX models: one that reads a whole window, one that takes a single step with its state.
 *
 *   i, f, o = σ(W x + U h + b)     g = tanh(W x + U h + b)     c′ = f∘c + i∘g     h′ = o∘tanh c′
 *   logit = w₂·relu(W₁ h + b₁) + b₂                            of the last h of the upper layer
 *
 * (Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000; no peepholes.) Both use the LSTM operator of
 * ONNX, whose kernel keeps all gates of a step in cache, and share their weights bit for bit.
 */
import type { Attribute, Dimension, OnnxModel, OnnxNode, Tensor, ValueInfo } from '../onnx/model.ts'

/** Gates in PyTorch's order i, f, g, o along the first axis. */
export interface LstmLayerWeights {
  /** [4·hidden, inputs] */
  readonly input: Float32Array
  /** [4·hidden, hidden] */
  readonly recurrent: Float32Array
  /** [4·hidden] */
  readonly bias: Float32Array
}

export interface LstmWeights {
  readonly features: number
  readonly hidden: number
  readonly layers: readonly LstmLayerWeights[]
  /** [head, hidden], [head], [1, head], [1] */
  readonly head: {
    readonly width: number
    readonly weight: Float32Array
    readonly bias: Float32Array
    readonly outWeight: Float32Array
    readonly outBias: Float32Array
  }
}

/** `window` float32 [batch, time, features] → `logit` float32 [batch, 1]: of the last time, from a state of zeros. */
export function lstmWindowModel(weights: LstmWeights): OnnxModel {
  const nodes: OnnxNode[] = [node('Transpose', ['window'], ['layer.0'], { perm: ints([1, 0, 2]) })]
  for (const [l] of weights.layers.entries()) {
    const last = l === weights.layers.length - 1
    nodes.push(lstm(l, weights.hidden, `layer.${l}`, ['', ''], last ? ['', 'top', ''] : [`sequence.${l}`, '', '']))
    if (!last) nodes.push(node('Squeeze', [`sequence.${l}`, 'axis.1'], [`layer.${l + 1}`]))
  }
  return model(
    weights,
    [...nodes, ...headNodes('top')],
    [{ name: 'window', shape: ['batch', 'time', weights.features] }],
    [],
  )
}

/** The names of the state of one layer, as it goes in; it comes out under the same names with `next_` before them. */
export const stateNames = (layers: number): string[] =>
  Array.from({ length: layers }, (_, l) => [`hidden_${l}`, `cell_${l}`]).flat()

/**
 * `sample` float32 [batch, features] and the state, each float32 [1, batch, hidden] → `logit` float32 [batch, 1] and the
 * next state. Rows do not see each other.
 */
export function lstmStepModel(weights: LstmWeights): OnnxModel {
  const nodes: OnnxNode[] = [node('Unsqueeze', ['sample', 'axis.0'], ['layer.0'])]
  for (const [l] of weights.layers.entries()) {
    const state = [`hidden_${l}`, `cell_${l}`] as const
    // Of a sequence of one step the last hidden state is the whole output.
    const x = l === 0 ? 'layer.0' : `next_hidden_${l - 1}`
    nodes.push(lstm(l, weights.hidden, x, state, ['', `next_${state[0]}`, `next_${state[1]}`]))
  }
  const shape: Dimension[] = [1, 'batch', weights.hidden]
  const state = stateNames(weights.layers.length)
  return model(
    weights,
    [...nodes, ...headNodes(`next_hidden_${weights.layers.length - 1}`)],
    [{ name: 'sample', shape: ['batch', weights.features] }, ...state.map((name) => ({ name, shape }))],
    state.map((name) => ({ name: `next_${name}`, shape })),
  )
}

function headNodes(top: string): OnnxNode[] {
  const transposed: Readonly<Record<string, Attribute>> = { transB: { kind: 'int', value: 1 } }
  return [
    node('Squeeze', [top, 'axis.0'], ['last']),
    node('Gemm', ['last', 'head.weight', 'head.bias'], ['head'], transposed),
    node('Relu', ['head'], ['active']),
    node('Gemm', ['active', 'out.weight', 'out.bias'], ['logit'], transposed),
  ]
}

function lstm(
  l: number,
  hidden: number,
  x: string,
  state: readonly [string, string],
  outputs: readonly string[],
): OnnxNode {
  const inputs = [x, `lstm.${l}.weight`, `lstm.${l}.recurrent`, `lstm.${l}.bias`, '', ...state]
  const used = state[0] === '' ? inputs.slice(0, 4) : inputs
  return node('LSTM', used, outputs, { hidden_size: { kind: 'int', value: hidden } })
}

interface Named {
  readonly name: string
  readonly shape: readonly Dimension[]
}

function model(
  weights: LstmWeights,
  nodes: readonly OnnxNode[],
  inputs: readonly Named[],
  states: readonly Named[],
): OnnxModel {
  const { hidden, features, layers, head } = weights
  const initializers = new Map<string, Tensor>([
    ['axis.0', int64s([0])],
    ['axis.1', int64s([1])],
    ['head.weight', floats([head.width, hidden], head.weight)],
    ['head.bias', floats([head.width], head.bias)],
    ['out.weight', floats([1, head.width], head.outWeight)],
    ['out.bias', floats([1], head.outBias)],
  ])
  for (const [l, layer] of layers.entries()) {
    const width = l === 0 ? features : hidden
    initializers.set(`lstm.${l}.weight`, floats([1, 4 * hidden, width], reordered(layer.input, hidden)))
    initializers.set(`lstm.${l}.recurrent`, floats([1, 4 * hidden, hidden], reordered(layer.recurrent, hidden)))
    // ONNX has a bias of the input and one of the state; PyTorch's second one is always with its first.
    const bias = new Float32Array(8 * hidden)
    bias.set(reordered(layer.bias, hidden))
    initializers.set(`lstm.${l}.bias`, floats([1, 8 * hidden], bias))
  }
  const used = new Set(nodes.flatMap((each) => each.inputs))
  for (const name of initializers.keys()) if (!used.has(name)) initializers.delete(name)
  return {
    irVersion: 9,
    opsets: new Map([['', 20]]),
    producer: 'barometer',
    metadata: new Map(),
    graph: {
      name: 'lstm',
      nodes,
      inputs: inputs.map(info),
      outputs: [{ name: 'logit', shape: ['batch', 1] }, ...states].map(info),
      values: [],
      initializers,
    },
  }
}

/** Rows of gates from PyTorch's order i, f, g, o to that of ONNX: i, o, f, c (which is g). */
function reordered(gates: Float32Array, hidden: number): Float32Array {
  const part = gates.length / 4
  if (part % hidden !== 0) throw new RangeError(`${gates.length} numbers are not four gates of ${hidden} units`)
  const out = new Float32Array(gates.length)
  for (const [to, from] of [0, 3, 1, 2].entries()) out.set(gates.subarray(from * part, (from + 1) * part), to * part)
  return out
}

const info = ({ name, shape }: Named): ValueInfo => ({ name, type: 'float32', shape })

const ints = (value: readonly number[]): Attribute => ({ kind: 'ints', value })

function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
): OnnxNode {
  return { name: outputs.find((name) => name !== '') ?? op, op, domain: '', inputs, outputs, attributes }
}

function floats(shape: readonly number[], values: Float32Array): Tensor {
  return { type: 'float32', shape, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) }
}

function int64s(values: readonly number[]): Tensor {
  const numbers = BigInt64Array.from(values, BigInt)
  return { type: 'int64', shape: [values.length], bytes: new Uint8Array(numbers.buffer) }
}
