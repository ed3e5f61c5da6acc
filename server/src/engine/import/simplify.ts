/**
 * What exporters write in many operators, in few: the forms whose gradients cost the fewest passes over memory.
 *
 *   matmul(x, W) + b                  → Gemm over [rows·tokens, width], whose bias costs nothing
 *   ½·x·(1 + erf(x/√2))               → Gelu
 *   (a·q) · (a·kᵀ)                    → FusedMatMul(q, k, transposed, a²): no pass that only scales or transposes
 *   where(isnan(p), 0, p)             → p, with masks of the lowest number instead of −∞
 *
 * The last one differs from PyTorch's for a row without a single token only, which attends to all instead of to nothing.
 */
import type { Shape } from '../graph/ir.ts'
import type { Typed } from '../graph/shapes/infer.ts'
import { sizeOf, tensor } from '../graph/tensor.ts'
import type { Attributes, OnnxGraph, OnnxNode, Tensor } from '../onnx/model.ts'
import type { Folded } from './foldExport.ts'

/** The lowest float32: added to any score it is still itself. */
const LOWEST = -3.4028234663852886e38

export function simplify({ model, types }: Folded, weights: ReadonlyMap<string, Shape>): OnnxGraph {
  const { graph } = model
  const view = viewOf(graph, types, weights)
  const nodes = graph.nodes.flatMap(
    (node) => linear(node, view) ?? gelu(node, view) ?? scores(node, view) ?? guard(node, view) ?? [node],
  )
  return {
    ...graph,
    nodes,
    initializers: new Map([...view.initializers].map(([name, tensor]) => [name, bounded(tensor)])),
  }
}

/** Who makes and who takes each value, and what is known of it. */
interface View {
  readonly initializers: Map<string, Tensor>
  readonly makerOf: (name: string | undefined, op: string) => OnnxNode | undefined
  readonly isUsedOnce: (name: string) => boolean
  readonly weightShape: (name: string | undefined) => Shape | undefined
  readonly shapeOf: (name: string | undefined) => Shape | undefined
  /** The number in a constant of one element. */
  readonly numberIn: (name: string | undefined) => number | undefined
  readonly ints: (values: readonly number[]) => string
}

function viewOf(graph: OnnxGraph, types: ReadonlyMap<string, Typed>, weights: ReadonlyMap<string, Shape>): View {
  const initializers = new Map(graph.initializers)
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const uses = new Map<string, number>(graph.outputs.map(({ name }) => [name, 1]))
  for (const name of graph.nodes.flatMap(({ inputs }) => inputs)) uses.set(name, (uses.get(name) ?? 0) + 1)
  return {
    initializers,
    makerOf(name = '', op) {
      const maker = makers.get(name)
      return maker?.op === op && maker.domain === '' ? maker : undefined
    },
    isUsedOnce: (name) => uses.get(name) === 1,
    weightShape: (name = '') => weights.get(name),
    shapeOf: (name = '') => types.get(name)?.shape ?? weights.get(name) ?? initializers.get(name)?.shape,
    numberIn(name = '') {
      const constant = initializers.get(name)
      if (constant?.type !== 'float32' || constant.bytes.length !== 4) return undefined
      return new DataView(constant.bytes.buffer, constant.bytes.byteOffset).getFloat32(0, true)
    },
    ints(values) {
      const name = `ints ${values.join(' ')}`
      initializers.set(name, tensor('int64', [values.length], values))
      return name
    },
  }
}

function linear(add: OnnxNode, { makerOf, isUsedOnce, weightShape, shapeOf, ints }: View): OnnxNode[] | null {
  if (!is(add, 'Add')) return null
  const bias = add.inputs.find((name) => weightShape(name)?.length === 1)
  const product = add.inputs.find((name) => name !== bias) ?? ''
  const matmul = makerOf(product, 'MatMul')
  if (bias === undefined || matmul === undefined || !isUsedOnce(product)) return null
  const [x = '', w = ''] = matmul.inputs
  const turned = makerOf(w, 'Transpose')
  const matrix = turned ? (turned.inputs[0] ?? '') : w
  const from = shapeOf(x)
  const to = shapeOf(add.outputs[0])
  if (weightShape(matrix)?.length !== 2 || !from || !to || from.length < 2) return null
  const [name = ''] = add.outputs
  const wide = from.at(-1) ?? 1
  return [
    op('Reshape', [x, ints([sizeOf(from) / wide, wide])], `${name} flat`),
    op('Gemm', [`${name} flat`, matrix, bias], `${name} gemm`, turned ? { transB: { kind: 'int', value: 1 } } : {}),
    op('Reshape', [`${name} gemm`, ints(to)], name),
  ]
}

function gelu(last: OnnxNode, { makerOf, isUsedOnce, numberIn }: View): OnnxNode[] | null {
  if (!is(last, 'Mul')) return null
  const factors = (name: string): string[] => {
    const inner = isUsedOnce(name) ? makerOf(name, 'Mul') : undefined
    return inner ? inner.inputs.flatMap(factors) : [name]
  }
  const all = last.inputs.flatMap(factors)
  const half = all.find((name) => near(numberIn(name), 0.5))
  const curve = all.find((name) => erfOf(name) !== undefined)
  const x = all.find((name) => name !== half && name !== curve)
  if (all.length !== 3 || half === undefined || curve === undefined || x === undefined || erfOf(curve) !== x)
    return null
  return [op('Gelu', [x], last.outputs[0] ?? '')]

  /** x, where the name is of 1 + erf(x/√2). */
  function erfOf(name: string): string | undefined {
    const sum = makerOf(name, 'Add')?.inputs ?? []
    if (!sum.some((term) => near(numberIn(term), 1))) return undefined
    const erf = sum.map((term) => makerOf(term, 'Erf')).find((maker) => maker !== undefined)
    const [argument] = erf?.inputs ?? []
    const quotient = makerOf(argument, 'Div')
    if (quotient) return near(numberIn(quotient.inputs[1]), Math.SQRT2) ? quotient.inputs[0] : undefined
    const product = makerOf(argument, 'Mul')?.inputs ?? []
    return product.some((term) => near(numberIn(term), Math.SQRT1_2))
      ? product.find((term) => numberIn(term) === undefined)
      : undefined
  }
}

/** Products of computed values over batches: the scores of attention. */
function scores(product: OnnxNode, view: View): OnnxNode[] | null {
  if (!is(product, 'MatMul')) return null
  const [left = '', right = ''] = product.inputs
  const rank = view.shapeOf(left)?.length ?? 0
  if (rank < 3 || view.shapeOf(right)?.length !== rank) return null
  const q = unwrapped(left, view)
  const k = unwrapped(right, view)
  const [name = ''] = product.outputs
  const alpha = q.scale * k.scale
  if (alpha === 1 && q.name === left && k.name === right) return null
  return [
    op(
      'FusedMatMul',
      [q.name, k.name],
      name,
      { alpha: { kind: 'float', value: alpha }, transA: flag(q.isTurned), transB: flag(k.isTurned) },
      'com.microsoft',
    ),
  ]
}

/** A value without the factor and the exchange of its last two axes that it went through last. */
function unwrapped(name: string, view: View): { name: string; scale: number; isTurned: boolean } {
  const product = view.makerOf(name, 'Mul')
  const factor = product?.inputs.find((term) => view.numberIn(term) !== undefined)
  const rest = product?.inputs.find((term) => term !== factor)
  if (factor !== undefined && rest !== undefined) {
    const inner = unwrapped(rest, view)
    return { ...inner, scale: inner.scale * (view.numberIn(factor) ?? 1) }
  }
  const turn = view.makerOf(name, 'Transpose')
  const order = turn?.attributes['perm']
  if (turn?.inputs[0] === undefined || order?.kind !== 'ints') return { name, scale: 1, isTurned: false }
  const last = order.value.length - 1
  const isExchange = order.value.every((axis, i) => axis === (i === last ? last - 1 : i === last - 1 ? last : i))
  if (!isExchange) return { name, scale: 1, isTurned: false }
  const inner = unwrapped(turn.inputs[0], view)
  return { ...inner, isTurned: !inner.isTurned }
}

function guard(where: OnnxNode, { makerOf, numberIn }: View): OnnxNode[] | null {
  if (!is(where, 'Where')) return null
  const [condition, otherwise, p] = where.inputs
  const isGuard = makerOf(condition, 'IsNaN')?.inputs[0] === p && numberIn(otherwise) === 0
  return isGuard && p !== undefined && makerOf(p, 'Softmax') ? [op('Identity', [p], where.outputs[0] ?? '')] : null
}

function bounded(constant: Tensor): Tensor {
  if (constant.type !== 'float32' || constant.bytes.length !== 4) return constant
  const [value] = new Float32Array(constant.bytes.slice().buffer)
  return value === -Infinity ? tensor('float32', constant.shape, [LOWEST]) : constant
}

const is = (node: OnnxNode, op: string): boolean => node.op === op && node.domain === ''

const near = (value: number | undefined, wanted: number): boolean =>
  value !== undefined && Math.abs(value - wanted) < 1e-6 * wanted

const flag = (yes: boolean) => ({ kind: 'int', value: yes ? 1 : 0 }) as const

function op(op: string, inputs: readonly string[], output: string, attributes: Attributes = {}, domain = ''): OnnxNode {
  return { name: output, op, domain, inputs, outputs: [output], attributes }
}
