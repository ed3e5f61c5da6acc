/** For every operator that has a gradient: arbitrary small uses of it. */
import fc from 'fast-check'
import type { GraphBuilder } from '../../src/engine/graph/builder.ts'
import type { Shape, Value } from '../../src/engine/graph/ir.ts'
import * as ops from '../../src/engine/graph/ops.ts'
import {
  add,
  concat,
  gather,
  gelu,
  gemm,
  layerNorm,
  matmul,
  matmulFused,
  mul,
  scale,
  sigmoid,
} from '../../src/engine/graph/ops.ts'
import { seededRandom } from '../../src/math/random.ts'

export interface Operand {
  readonly shape: Shape
  /** For logarithms, roots, powers and divisors. */
  readonly positive?: boolean
}

export interface Use {
  readonly operands: readonly Operand[]
  readonly seed: number
  readonly build: (g: GraphBuilder, values: readonly Value[]) => Value
}

type Build = Use['build']

/** Multiples of 0.01, moved a little for each operand: none is near 0 or near another operand's, where max and |x| have kinks. */
export function valuesOf({ operands, seed }: Use): Record<string, number[]> {
  const random = seededRandom(seed)
  return Object.fromEntries(
    operands.map(({ shape, positive = false }, i) => {
      const size = shape.reduce((product, dimension) => product * dimension, 1)
      const list = Array.from({ length: size }, () => (Math.floor(random() * 400) - 200) / 100 + 0.0037 + i / 1000)
      return [`x${i}`, positive ? list.map((x) => Math.abs(x) + 0.25) : list]
    }),
  )
}

const size = fc.integer({ min: 1, max: 4 })
const shape = fc.array(size, { minLength: 1, maxLength: 3 })
const seed = fc.nat()
/** A shape that broadcasts to the given one. */
const lesser = (shape: Shape): fc.Arbitrary<Shape> =>
  fc
    .tuple(fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }), fc.nat({ max: shape.length }))
    .map(([ones, dropped]) => shape.map((size, i) => (ones[i] ? 1 : size)).slice(dropped))

const use = (operands: readonly Operand[], seed: number, build: Build): Use => ({ operands, seed, build })

/** One operand of any shape. */
const unary = (build: Build, positive = false): fc.Arbitrary<Use> =>
  fc.tuple(shape, seed).map(([shape, seed]) => use([{ shape, positive }], seed, build))

/** Two operands, of which either may be broadcast to the other. */
const binary = (build: Build, positive: readonly boolean[] = []): fc.Arbitrary<Use> =>
  shape.chain((full) =>
    fc.tuple(lesser(full), fc.boolean(), seed).map(([less, swap, seed]) => {
      const shapes = swap ? [less, full] : [full, less]
      return use(
        shapes.map((shape, i) => ({ shape, positive: positive[i] ?? false })),
        seed,
        build,
      )
    }),
  )

/** One operand and an axis of it. */
const along = (build: (g: GraphBuilder, x: Value, axis: number) => Value): fc.Arbitrary<Use> =>
  shape.chain((shape) =>
    fc
      .tuple(fc.integer({ min: -shape.length, max: shape.length - 1 }), seed)
      .map(([axis, seed]) => use([{ shape }], seed, (g, [x]) => build(g, x, axis))),
  )

const named =
  (op: string): Build =>
  (g, inputs) =>
    g.op(op, inputs)
const flags = fc.record({ transA: fc.boolean(), transB: fc.boolean(), alpha: fc.constantFrom(1, 0.5, -2) })
const flip = (rows: number, columns: number, flipped: boolean): Shape => (flipped ? [columns, rows] : [rows, columns])

const gemms = fc
  .tuple(size, size, size, flags, fc.constantFrom(0, 1, 2, 3), seed)
  .map(([m, k, n, flags, bias, seed]) => {
    const c = [[], [{ shape: [n] }], [{ shape: [m, n] }], [{ shape: [m, 1] }]][bias]
    const operands = [{ shape: flip(m, k, flags.transA) }, { shape: flip(k, n, flags.transB) }, ...c]
    return use(operands, seed, (g, [a, b, c]) => gemm(g, a, b, c ?? null, flags))
  })

const batch = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 })
const batches = batch.chain((batch) => fc.tuple(lesser(batch), fc.constant(batch), fc.boolean()))

const fused = fc.tuple(batches, size, size, size, flags, seed).map(([[less, full, swap], m, k, n, flags, seed]) => {
  const [left, right] = swap ? [less, full] : [full, less]
  const operands = [
    { shape: [...left, ...flip(m, k, flags.transA)] },
    { shape: [...right, ...flip(k, n, flags.transB)] },
  ]
  return use(operands, seed, (g, [a, b]) => matmulFused(g, a, b, flags))
})

const matmuls = fc
  .tuple(batches, size, size, size, fc.constantFrom('batched', 'matrix', 'row', 'column'), seed)
  .map(([[less, full], m, k, n, kind, seed]) => {
    const shapes: Record<typeof kind, Shape[]> = {
      batched: [
        [...full, m, k],
        [...less, k, n],
      ],
      matrix: [
        [...full, m, k],
        [k, n],
      ],
      row: [[k], [...full, k, n]],
      column: [[...full, m, k], [k]],
    }
    return use(
      shapes[kind].map((shape) => ({ shape })),
      seed,
      (g, [a, b]) => matmul(g, a, b),
    )
  })

const reduction = (op: string): fc.Arbitrary<Use> =>
  shape.chain((shape) =>
    fc.tuple(fc.subarray([...shape.keys()]), fc.boolean(), fc.boolean(), seed).map(([axes, keep, negative, seed]) =>
      use([{ shape }], seed, (g, [x]) => {
        const given = axes.map((axis) => (negative ? axis - shape.length : axis))
        return g.op(op, given.length > 0 ? [x, g.ints(given)] : [x], { keepdims: keep })
      }),
    ),
  )

const layerNorms = fc
  .tuple(batch, fc.integer({ min: 2, max: 5 }), fc.boolean(), seed)
  .map(([rows, width, hasBias, seed]) => {
    const operands = [{ shape: [...rows, width] }, { shape: [width] }, ...(hasBias ? [{ shape: [width] }] : [])]
    return use(operands, seed, (g, inputs) => g.op('LayerNormalization', inputs, { axis: -1, epsilon: 1e-3 }))
  })

const transposes = shape.chain((shape) =>
  fc
    .tuple(fc.shuffledSubarray([...shape.keys()], { minLength: shape.length }), seed)
    .map(([order, seed]) => use([{ shape }], seed, (g, [x]) => ops.transpose(g, x, order))),
)

const concats = shape.chain((shape) =>
  fc
    .tuple(fc.nat({ max: shape.length - 1 }), fc.array(size, { minLength: 1, maxLength: 3 }), seed)
    .map(([axis, sizes, seed]) =>
      use(
        sizes.map((size) => ({ shape: shape.with(axis, size) })),
        seed,
        (g, parts) => concat(g, parts, axis),
      ),
    ),
)

/** The loss sees the third part and the first, not the second. */
const splits = shape.chain((shape) =>
  fc.tuple(fc.nat({ max: shape.length - 1 }), fc.tuple(size, size, size), seed).map(([axis, sizes, seed]) =>
    use([{ shape: shape.with(axis, sizes[0] + sizes[1] + sizes[2]) }], seed, (g, [x]) => {
      const [first, , third] = ops.split(g, x, sizes, axis)
      return concat(g, [third, first], axis)
    }),
  ),
)

const slices = shape.chain((shape) =>
  fc
    .tuple(fc.nat({ max: shape.length - 1 }), fc.nat({ max: 3 }), fc.integer({ min: -1, max: 9 }), seed)
    .filter(([axis, from, to]) => from < shape[axis] && (to < 0 ? shape[axis] + to : to) > from)
    .map(([axis, from, to, seed]) => use([{ shape }], seed, (g, [x]) => ops.slice(g, x, axis, from, to))),
)

const pads = shape.chain((shape) =>
  fc
    .tuple(fc.nat({ max: shape.length - 1 }), fc.nat({ max: 2 }), fc.nat({ max: 2 }), seed)
    .map(([axis, before, after, seed]) =>
      use([{ shape }], seed, (g, [x]) => scale(g, ops.pad(g, x, axis, before, after), 1.5)),
    ),
)

/** Some indices several times, some counted from the end. */
const gathers = shape.chain((shape) =>
  fc.nat({ max: shape.length - 1 }).chain((axis) => {
    const index = fc.integer({ min: -shape[axis], max: shape[axis] - 1 })
    const indices = fc.array(index, { minLength: 1, maxLength: 6 })
    return fc.tuple(indices, fc.constantFrom('list', 'matrix', 'one'), seed).map(([list, kind, seed]) =>
      use([{ shape }], seed, (g, [x]) => {
        if (kind === 'one') return ops.pick(g, x, axis, list[0])
        const places = kind === 'list' ? g.ints(list) : g.constant('int64', [1, list.length], list)
        return gather(g, x, places, axis)
      }),
    )
  }),
)

const wheres = binary((g, [a, b]) => {
  const condition = g.op('Greater', [a, b])
  return ops.where(g, condition, scale(g, a, 2), b)
})

/** Softmax of scores times values, as attention has it: the gradient has a shorter way (vjp/normalization.ts). */
const attention = (build: (g: GraphBuilder, p: Value, values: Value, mask: Value) => Value): fc.Arbitrary<Use> =>
  fc.tuple(batches, size, size, size, seed).map(([[less, full, swap], queries, keys, width, seed]) => {
    const [few, many] = swap ? [full, less] : [less, full]
    const operands = [
      { shape: [...many, queries, keys] },
      { shape: [...few, keys, width] },
      { shape: [...many, queries, keys] },
    ]
    return use(operands, seed, (g, [scores, values, mask]) => build(g, ops.softmax(g, scores), values, mask))
  })

/** What looks like an attention, and has not its shortcut. */
const otherSoftmaxes = fc.tuple(batch, size, size, size, seed).chain(([batch, queries, keys, width, seed]) =>
  fc.constantFrom(
    use([{ shape: [queries, keys] }, { shape: [queries, width] }], seed, (g, [x, v]) =>
      matmulFused(g, ops.softmax(g, x), v, { transA: true }),
    ),
    use([{ shape: [...batch, queries, keys] }, { shape: [keys] }], seed, (g, [x, v]) =>
      matmul(g, ops.softmax(g, x), v),
    ),
    use([{ shape: [keys, keys] }], seed, (g, [x]) => {
      const p = ops.softmax(g, x)
      return matmul(g, p, p)
    }),
    use(
      [{ shape: [queries, keys] }, { shape: [3, queries, keys] }, { shape: [keys, width] }],
      seed,
      (g, [x, mask, v]) => matmul(g, mul(g, ops.softmax(g, x), mask), v),
    ),
    use([{ shape: [queries, keys] }, { shape: [queries, keys] }, { shape: [keys, width] }], seed, (g, [x, mask, v]) => {
      const p = ops.softmax(g, x)
      return concat(g, [matmul(g, mul(g, p, mask), v), matmul(g, p, v), p], 1)
    }),
    use([{ shape: [queries, keys] }, { shape: [keys, width] }], seed, (g, [x, v]) => {
      const p = ops.softmax(g, x)
      return matmul(g, mul(g, p, p), v)
    }),
    use([{ shape: [...batch, queries, keys] }, { shape: [...batch, width, queries] }], seed, (g, [x, v]) =>
      matmul(g, v, ops.softmax(g, x)),
    ),
  ),
)

/** h′ = σ(z)∘h + tanh(x·W): values that are used several times. */
const recurrences = fc.tuple(size, size, seed).map(([rows, width, seed]) =>
  use([{ shape: [rows, width] }, { shape: [width, width] }], seed, (g, [x, w]) => {
    let h = x
    for (let step = 0; step < 3; step++) h = add(g, mul(g, sigmoid(g, h), x), ops.tanh(g, gemm(g, h, w)))
    return h
  }),
)

/** A small feed-forward layer in a residual, normalized. */
const blocks = fc
  .tuple(size, fc.integer({ min: 2, max: 4 }), size, seed)
  .map(([rows, width, inner, seed]) =>
    use(
      [
        { shape: [rows, width] },
        { shape: [width, inner] },
        { shape: [inner, width] },
        { shape: [width] },
        { shape: [width] },
      ],
      seed,
      (g, [x, up, down, gamma, beta]) =>
        layerNorm(g, add(g, x, gemm(g, gelu(g, gemm(g, x, up)), down)), gamma, beta, 1e-2),
    ),
  )

export const operators: Readonly<Record<string, fc.Arbitrary<Use>>> = {
  Abs: unary(named('Abs')),
  Add: binary(named('Add')),
  Cast: unary((g, [x]) => mul(g, g.op('Cast', [x], { to: 1 }), x)),
  Clip: unary((g, [x]) => g.op('Clip', [x, g.scalar(-0.5), g.scalar(1)])),
  Concat: concats,
  Div: binary(named('Div'), [false, true]),
  Erf: unary(named('Erf')),
  Exp: unary(named('Exp')),
  Expand: binary((g, [a, b]) => ops.expand(g, a, add(g, a, b).shape)),
  Flatten: along((g, x, axis) => g.op('Flatten', [x], { axis })),
  FusedMatMul: fused,
  Gather: gathers,
  Gelu: unary((g, [x]) => gelu(g, x)),
  'Gelu by tanh': unary((g, [x]) => gelu(g, x, 'tanh')),
  Gemm: gemms,
  Identity: unary(named('Identity')),
  LayerNormalization: layerNorms,
  Log: unary(named('Log'), true),
  LogSoftmax: along((g, x, axis) => ops.logSoftmax(g, x, axis)),
  MatMul: matmuls,
  Max: binary(named('Max')),
  Min: binary(named('Min')),
  Mul: binary(named('Mul')),
  Neg: unary(named('Neg')),
  Pad: pads,
  Pow: binary(named('Pow'), [true, false]),
  'Pow of a square': unary((g, [x]) => g.op('Pow', [x, g.scalar(2)])),
  'Pow of a cube': unary((g, [x]) => g.op('Pow', [x, g.scalar(3)])),
  'Pow of a root': unary((g, [x]) => g.op('Pow', [x, g.scalar(0.5)]), true),
  Reciprocal: unary(named('Reciprocal'), true),
  ReduceMean: reduction('ReduceMean'),
  ReduceSum: reduction('ReduceSum'),
  Relu: unary(named('Relu')),
  Reshape: unary((g, [x]) => ops.reshape(g, x, [1, -1])),
  Sigmoid: unary(named('Sigmoid')),
  Slice: slices,
  Softmax: along((g, x, axis) => ops.softmax(g, x, axis)),
  Softplus: unary(named('Softplus')),
  Split: splits,
  Sqrt: unary(named('Sqrt'), true),
  Squeeze: unary((g, [x]) => g.op('Squeeze', [ops.reshape(g, x, [1, ...x.shape, 1]), g.ints([0, -1])])),
  Sub: binary(named('Sub')),
  Sum: binary((g, [a, b]) => g.op('Sum', [a, b, a])),
  Tanh: unary(named('Tanh')),
  Transpose: transposes,
  Unsqueeze: unary((g, [x]) => g.op('Unsqueeze', [x, g.ints([0, -1])])),
  Where: wheres,
  attention: attention((g, p, values) => matmulFused(g, p, values, { alpha: 0.5 })),
  'attention with dropout': attention((g, p, values, mask) => matmul(g, mul(g, p, mask), values)),
  'attention whose weights go through a choice': attention((g, p, values, mask) =>
    matmul(g, ops.where(g, g.op('Greater', [mask, p]), p, mask), values),
  ),
  'what is no attention': otherSoftmaxes,
  'a recurrence': recurrences,
  'a feed-forward block': blocks,
}
