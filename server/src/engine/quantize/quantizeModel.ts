/**
 * A float32 model as one that multiplies in 8 bits: quantised weights, activations quantised as they come.
 *
 *   x·W + b  ≈  (s_x·s_w)∘((q_x − z_x)·Q_w) + b         q_x uint8, per tensor and run; Q_w int8, per column
 *
 * `DynamicQuantizeLinear` finds s_x and z_x from the least and largest activation of the batch, once for all products of
 * the same activations (queries, keys and values share one), and `MatMulIntegerToFloat` multiplies, scales and adds.
 * Source: ONNX operators (DynamicQuantizeLinear); onnxruntime, docs/ContribOperators.md (MatMulIntegerToFloat).
 *
 * Products of two activations (attention) stay in float32, and so does the classifier after the last norm, which costs
 * nothing and says everything.
 */
import { Fault } from '../../domain/faults.ts'
import type { Attributes, OnnxGraph, OnnxModel, OnnxNode, Tensor } from '../onnx/model.ts'
import { quantizeMatrix, quantizeRows } from './quantizeMatrix.ts'

export interface QuantizeOptions {
  /** Whether the rows of embedding tables become 8-bit too: a third of the file less. Default: yes. */
  readonly embeddings?: boolean
}

/** Smaller matrices are not worth it: quantising the activations would cost what the product saves. */
const ELEMENTS_MIN = 4096

export function quantizeModel(model: OnnxModel, { embeddings = true }: QuantizeOptions = {}): OnnxModel {
  const { graph } = model
  const head = headOf(graph)
  const biases = biasesOf(graph)
  const making: Making = { graph, initializers: new Map(graph.initializers), quantized: new Map(), steps: new Map() }
  let products = 0
  const nodes = graph.nodes.flatMap((node) => {
    const product = head.has(node) ? null : productOf(node, graph, biases)
    if (product) {
      products++
      return integerProduct(node, product, making)
    }
    if (biases.added.has(node)) return []
    return (embeddings && gatheredRows(node, making)) || [node]
  })
  if (products === 0)
    throw new Fault('model_unsupported', {
      say: 'The model has no float32 matrices that are worth quantising: either it is tiny, or quantised already.',
    })
  const used = new Set(nodes.flatMap(({ inputs }) => inputs))
  const initializers = new Map([...making.initializers].filter(([name]) => used.has(name)))
  const opsets = new Map(model.opsets).set('com.microsoft', 1)
  return { ...model, opsets, graph: { ...graph, nodes, initializers, values: [] } }
}

interface Making {
  readonly graph: OnnxGraph
  readonly initializers: Map<string, Tensor>
  /** By the name of the activations: their quantised values, scale and zero point. */
  readonly quantized: Map<string, Quantized>
  /** Matrices that are made already: by name, how they lie. */
  readonly steps: Map<string, MatrixNames>
}

interface Quantized {
  readonly values: string
  readonly scale: string
  readonly zero: string
}

interface MatrixNames {
  readonly weights: string
  readonly scales: string
}

/** x·W + b as the graph has it. */
interface Product {
  readonly activations: string
  readonly matrix: string
  readonly isTransposed: boolean
  readonly bias: string
  readonly output: string
}

function productOf(node: OnnxNode, { initializers }: OnnxGraph, { biasOf }: Biases): Product | null {
  if (node.domain !== '') return null
  const [activations = '', matrix = '', bias = ''] = node.inputs
  const [output = ''] = node.outputs
  if (!isMatrix(initializers.get(matrix))) return null
  if (node.op === 'MatMul') {
    const sum = biasOf.get(node)
    return { activations, matrix, isTransposed: false, bias: sum?.bias ?? '', output: sum?.output ?? output }
  }
  if (node.op !== 'Gemm' || !isPlainGemm(node.attributes)) return null
  const isFlat = bias === '' || initializers.get(bias)?.shape.length === 1
  return isFlat ? { activations, matrix, isTransposed: isSet(node.attributes, 'transB'), bias, output } : null
}

function isMatrix(tensor: Tensor | undefined): boolean {
  return tensor?.type === 'float32' && tensor.shape.length === 2 && tensor.bytes.length >= ELEMENTS_MIN * 4
}

function isPlainGemm(attributes: Attributes): boolean {
  const isOne = (name: string): boolean => {
    const attribute = attributes[name]
    return attribute === undefined || (attribute.kind === 'float' && attribute.value === 1)
  }
  return isOne('alpha') && isOne('beta') && !isSet(attributes, 'transA')
}

function isSet(attributes: Attributes, name: string): boolean {
  const attribute = attributes[name]
  return attribute?.kind === 'int' && attribute.value !== 0
}

interface Biases {
  /** Of a product: the bias that the next node adds, and what that node calls the sum. */
  readonly biasOf: ReadonlyMap<OnnxNode, { readonly bias: string; readonly output: string }>
  /** The additions that go away. */
  readonly added: ReadonlySet<OnnxNode>
}

/** Exporters write x·W + b as MatMul and Add. */
function biasesOf(graph: OnnxGraph): Biases {
  const makers = makersOf(graph)
  const uses = new Map<string, number>(graph.outputs.map(({ name }) => [name, 1]))
  for (const name of graph.nodes.flatMap(({ inputs }) => inputs)) uses.set(name, (uses.get(name) ?? 0) + 1)
  const biasOf = new Map<OnnxNode, { bias: string; output: string }>()
  const added = new Set<OnnxNode>()
  const head = headOf(graph)
  for (const node of graph.nodes) {
    if (node.op !== 'Add' || node.domain !== '' || head.has(node)) continue
    const bias = node.inputs.find((name) => graph.initializers.get(name)?.shape.length === 1)
    const product = node.inputs.find((name) => name !== bias) ?? ''
    const maker = makers.get(product)
    if (bias === undefined || maker?.op !== 'MatMul' || uses.get(product) !== 1) continue
    const [, matrix = ''] = maker.inputs
    if (!isMatrix(graph.initializers.get(matrix))) continue
    biasOf.set(maker, { bias, output: node.outputs[0] ?? '' })
    added.add(node)
  }
  return { biasOf, added }
}

function makersOf(graph: OnnxGraph): ReadonlyMap<string, OnnxNode> {
  return new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
}

const NORMS = new Set(['LayerNormalization', 'SkipLayerNormalization', 'ReduceMean', 'Softmax'])

/** What lies between the last norm and the logits. */
function headOf(graph: OnnxGraph): ReadonlySet<OnnxNode> {
  const makers = makersOf(graph)
  const head = new Set<OnnxNode>()
  const open = graph.outputs.map(({ name }) => name)
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const maker = makers.get(name)
    if (maker === undefined || head.has(maker) || NORMS.has(maker.op)) continue
    head.add(maker)
    open.push(...maker.inputs)
  }
  return head
}

function integerProduct(node: OnnxNode, product: Product, making: Making): OnnxNode[] {
  const { activations, matrix, isTransposed, bias, output } = product
  const known = making.quantized.get(activations)
  const quantized = known ?? {
    values: `${activations} quantized`,
    scale: `${activations} scale`,
    zero: `${activations} zero`,
  }
  making.quantized.set(activations, quantized)
  const { weights, scales } = matrixOf(matrix, isTransposed, making)
  const multiply: OnnxNode = {
    name: node.name,
    op: 'MatMulIntegerToFloat',
    domain: 'com.microsoft',
    inputs: [quantized.values, weights, quantized.scale, scales, quantized.zero, '', bias],
    outputs: [output],
    attributes: {},
  }
  if (known) return [multiply]
  const quantize: OnnxNode = {
    name: quantized.values,
    op: 'DynamicQuantizeLinear',
    domain: '',
    inputs: [activations],
    outputs: [quantized.values, quantized.scale, quantized.zero],
    attributes: {},
  }
  return [quantize, multiply]
}

function matrixOf(name: string, isTransposed: boolean, { initializers, steps }: Making): MatrixNames {
  const key = `${name} ${isTransposed}`
  const known = steps.get(key)
  const tensor = initializers.get(name)
  if (known || !tensor) return known ?? { weights: name, scales: name }
  const made = quantizeMatrix(tensor, isTransposed)
  const names = { weights: `${name} int8`, scales: `${name} scales` }
  initializers.set(names.weights, made.weights)
  initializers.set(names.scales, made.scales)
  steps.set(key, names)
  return names
}

/** Rows of a large table: gathered as int8, scaled afterwards. */
function gatheredRows(node: OnnxNode, { initializers, steps }: Making): OnnxNode[] | null {
  const [table = '', ids = ''] = node.inputs
  const tensor = initializers.get(table)
  const [output = ''] = node.outputs
  if (node.op !== 'Gather' || node.domain !== '' || !tensor || !isMatrix(tensor) || isSet(node.attributes, 'axis'))
    return null
  const names = steps.get(table) ?? { weights: `${table} int8`, scales: `${table} scales` }
  if (!steps.has(table)) {
    const { rows, scales } = quantizeRows(tensor)
    initializers.set(names.weights, rows)
    initializers.set(names.scales, scales)
    steps.set(table, names)
  }
  const gather = (from: string, to: string): OnnxNode => ({ ...node, name: to, inputs: [from, ids], outputs: [to] })
  const plain = (op: string, inputs: string[], to: string, attributes: Attributes = {}): OnnxNode => ({
    name: to,
    op,
    domain: '',
    inputs,
    outputs: [to],
    attributes,
  })
  return [
    gather(names.weights, `${output} int8`),
    gather(names.scales, `${output} scales`),
    plain('Cast', [`${output} int8`], `${output} float`, { to: { kind: 'int', value: 1 } }),
    plain('Mul', [`${output} float`, `${output} scales`], output),
  ]
}
