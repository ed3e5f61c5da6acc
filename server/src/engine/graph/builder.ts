/**
 * Builds a graph, one operator after the other; the type and shape of every value are known at once.
 *
 * Differentiating (autodiff/differentiate.ts) appends to the same builder. What no output needs is dropped at the end.
 */
import assert from 'node:assert/strict'
import type { ElementType, Tensor } from '../onnx/model.ts'
import { attributesOf, type PlainAttributes } from './attributes.ts'
import type { Graph, Node, Shape, Value } from './ir.ts'
import { infer, type Typed } from './shapes/infer.ts'
import { sizeOf, tensor } from './tensor.ts'

export interface NodeOptions {
  readonly domain?: Node['domain']
  /** How many outputs are wanted, where the operator leaves a choice (LayerNormalization: Y, Mean, InvStdDev). */
  readonly outputs?: number
  /** What the first output is called; the operator's name with a number where this is absent. */
  readonly name?: string
  /** The outputs' types and shapes where they were learnt elsewhere (an imported graph); nothing is inferred then. */
  readonly known?: readonly Typed[]
}

/** A part of a graph whose gradient is known as a whole, in a better form than that of its operators one by one. */
export interface Region {
  /** What flows in that may have a gradient. Nothing else of the part may be read from outside but the output. */
  readonly inputs: readonly Value[]
  readonly output: Value
  /** ∂loss/∂input for each input, of ∂loss/∂output. */
  readonly gradient: (dy: Value) => readonly Value[]
}

export class GraphBuilder {
  /** In the order of execution. */
  readonly nodes: Node[] = []
  readonly #inputs: Value[] = []
  readonly #outputs: Value[] = []
  readonly #constants = new Map<Value, Tensor>()
  readonly #shared = new Map<string, Value>()
  readonly #numbers = new Map<Value, number>()
  readonly #makers = new Map<Value, Node>()
  readonly #regions = new Map<Value, Region>()
  readonly #names = new Set<string>()
  readonly #counts = new Map<string, number>()

  input(name: string, type: ElementType, shape: Shape): Value {
    const value = this.#value(this.#claim(name), { type, shape })
    this.#inputs.push(value)
    return value
  }

  /** A tensor that is part of the graph: values in row-major order, booleans as 0 and 1. */
  constant(type: Tensor['type'], shape: Shape, values: ArrayLike<number>, name?: string): Value {
    return this.initializer(tensor(type, shape, values), name)
  }

  /** A tensor that is part of the graph, as it is (nothing is copied). */
  initializer(tensor: Tensor, name?: string): Value {
    const value = this.#value(name === undefined ? this.#fresh('constant') : this.#claim(name), tensor)
    this.#constants.set(value, tensor)
    return value
  }

  /** A constant with the same number everywhere; one tensor however often it is asked for. */
  filled(shape: Shape, x: number, type: Tensor['type'] = 'float32'): Value {
    const key = `${type} ${shape.join('×')} ${x}`
    const made = this.#shared.get(key)
    if (made) return made
    const value = this.constant(type, shape, new Float64Array(sizeOf(shape)).fill(x))
    this.#shared.set(key, value)
    this.#numbers.set(value, x)
    return value
  }

  scalar(x: number, type: Tensor['type'] = 'float32'): Value {
    return this.filled([], x, type)
  }

  /** The number that fills a constant; null of any other value. */
  numberIn(value: Value): number | null {
    return this.#numbers.get(value) ?? null
  }

  /** A list of int64, as the shape, axes and index inputs of operators want it. */
  ints(values: readonly number[]): Value {
    const key = `ints ${values.join()}`
    const value = this.#shared.get(key) ?? this.constant('int64', [values.length], values)
    this.#shared.set(key, value)
    return value
  }

  /** The tensor behind a constant; null where the value is computed or fed. */
  tensorOf(value: Value): Tensor | null {
    return this.#constants.get(value) ?? null
  }

  /** The node that makes a value; null for inputs and constants. */
  makerOf(value: Value): Node | null {
    return this.#makers.get(value) ?? null
  }

  node(
    op: string,
    inputs: readonly (Value | null)[],
    plain: PlainAttributes = {},
    { domain = '', outputs: wanted, name, known }: NodeOptions = {},
  ): Value[] {
    const attributes = attributesOf(plain)
    const use = { op, inputs, attributes, outputs: wanted ?? null, tensorOf: (value: Value) => this.tensorOf(value) }
    const [first, ...rest] = known ?? infer(use)
    assert(first, `${op} makes nothing`)
    const head = this.#value(name === undefined ? this.#fresh(op.toLowerCase()) : this.#claim(name), first)
    const outputs = [head, ...rest.map((typed, i) => this.#value(this.#fresh(`${head.name}_${i + 1}`), typed))]
    const node = { op, domain, inputs, outputs, attributes }
    this.nodes.push(node)
    for (const output of outputs) this.#makers.set(output, node)
    return outputs
  }

  /** A node of which only the first output is wanted. */
  op(op: string, inputs: readonly (Value | null)[], plain: PlainAttributes = {}, options: NodeOptions = {}): Value {
    const [value] = this.node(op, inputs, plain, options)
    assert(value)
    return value
  }

  /** Says that a part of the graph has a gradient of its own; its output is returned. */
  region(region: Region): Value {
    this.#regions.set(region.output, region)
    return region.output
  }

  /** The region that ends in a value. */
  regionOf(value: Value): Region | null {
    return this.#regions.get(value) ?? null
  }

  /** Asks a node that was made already for more of its outputs: what the gradient needs of the way there. */
  moreOutputs(node: Node, count: number): Value[] {
    const { op, inputs, attributes } = node
    const typed = infer({ op, inputs, attributes, outputs: count, tensorOf: (value) => this.tensorOf(value) })
    const outputs = typed.map(
      (typed, i) => node.outputs[i] ?? this.#value(this.#fresh(`${op.toLowerCase()}_extra`), typed),
    )
    for (const output of outputs)
      this.#makers.set(output, node)
      // The builder made the node, and it alone may extend it.
    ;(node as { outputs: readonly Value[] }).outputs = outputs
    return outputs
  }

  /** Makes a value an output under this name: the value is renamed, for an Identity would cost a copy. */
  output(value: Value, name: string): void {
    const renameable = this.#makers.has(value) && !this.#outputs.includes(value)
    const shown = renameable ? value : this.op('Identity', [value])
    if (shown.name !== name) {
      this.#names.delete(shown.name)
      // The builder made the value, and it alone may rename it.
      ;(shown as { name: string }).name = this.#claim(name)
    }
    this.#outputs.push(shown)
  }

  /** The graph of the outputs: nodes and constants that none of them needs are left out, inputs stay. */
  finish(): Graph {
    const needed = new Set<Value | null>(this.#outputs)
    const nodes: Node[] = []
    for (const node of this.nodes.toReversed()) {
      if (!node.outputs.some((output) => needed.has(output))) continue
      for (const input of node.inputs) needed.add(input)
      nodes.push(node)
    }
    const constants = new Map([...this.#constants].filter(([value]) => needed.has(value)))
    return { nodes: nodes.reverse(), inputs: [...this.#inputs], outputs: [...this.#outputs], constants }
  }

  #value(name: string, { type, shape }: Typed): Value {
    return { name, type, shape }
  }

  #claim(name: string): string {
    assert(name !== '' && !this.#names.has(name), `the name "${name}" is taken`)
    this.#names.add(name)
    return name
  }

  /** `matmul_1`, `matmul_2`, …: the first that no input, output or imported value has. */
  #fresh(stem: string): string {
    let count = this.#counts.get(stem) ?? 0
    let name: string
    do name = `${stem}_${++count}`
    while (this.#names.has(name))
    this.#counts.set(stem, count)
    return this.#claim(name)
  }
}
