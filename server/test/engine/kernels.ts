/** What each operator of the ONNX standard computes, straight from its definition (onnx/onnx, docs/Operators.md). */
import assert from 'node:assert/strict'
import { numberOf, numbersOf, stringOf } from '../../src/engine/graph/attributes.ts'
import type { Attributes } from '../../src/engine/onnx/model.ts'
import { at, fold, make, map, mean, type Numbers, reshaped, sum, turned, zip } from './arrays.ts'
import { erf, gelu, geluTanh, sigmoid } from './special.ts'

/** @param missing for the optional inputs that are left out, null */
export type Kernel = (inputs: readonly Numbers[], attributes: Attributes, outputs: number) => Numbers[]

const each =
  (f: (x: number) => number): Kernel =>
  ([x]) => [map(x, f)]
const both =
  (f: (...xs: number[]) => number): Kernel =>
  (inputs) => [zip(inputs, f)]

const listOf = (x: Numbers | null | undefined): number[] | null => (x ? [...x.values] : null)
const front = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis)
const axisIn = (attributes: Attributes, x: Numbers, absent: number): number =>
  front(numberOf(attributes, 'axis', absent), x.shape.length)

/** α·A′·B′ over batches that broadcast; vectors are rows on the left and columns on the right. */
const product: Kernel = ([a, b], attributes) => {
  const [flipA, flipB] = [numberOf(attributes, 'transA', 0) === 1, numberOf(attributes, 'transB', 0) === 1]
  const alpha = numberOf(attributes, 'alpha', 1)
  const swap = (x: Numbers): Numbers => {
    const axes = x.shape.map((_, i) => i)
    return turned(x, [...axes.slice(0, -2), axes[axes.length - 1], axes[axes.length - 2]])
  }
  const left = a.shape.length === 1 ? reshaped(a, [1, ...a.shape]) : flipA ? swap(a) : a
  const right = b.shape.length === 1 ? reshaped(b, [...b.shape, 1]) : flipB ? swap(b) : b
  // A[…, m, k, 1] ∘ B[…, 1, k, n], summed over k.
  const wide = zip(
    [reshaped(left, [...left.shape, 1]), reshaped(right, right.shape.toSpliced(-2, 0, 1))],
    (x, y) => x * y,
  )
  const summed = fold(wide, [wide.shape.length - 2], (xs) => alpha * sum(xs))
  const batches = summed.shape.slice(0, -3)
  const [m, , n] = summed.shape.slice(-3)
  return [reshaped(summed, [...batches, ...(a.shape.length === 1 ? [] : [m]), ...(b.shape.length === 1 ? [] : [n])])]
}

const gemm: Kernel = ([a, b, c], attributes, outputs) => {
  const [y] = product([a, b], attributes, outputs)
  const beta = numberOf(attributes, 'beta', 1)
  return [c ? zip([y, c], (y, c) => y + beta * c) : y]
}

const reduce =
  (f: (xs: readonly number[]) => number): Kernel =>
  ([x, axes], attributes) => {
    const listed = (listOf(axes) ?? numbersOf(attributes, 'axes') ?? []).map((axis) => front(axis, x.shape.length))
    const over = listed.length > 0 ? listed : x.shape.map((_, i) => i)
    const kept = fold(x, over, f)
    if (numberOf(attributes, 'keepdims', 1) === 1) return [kept]
    return [
      reshaped(
        kept,
        kept.shape.filter((_, axis) => !over.includes(axis)),
      ),
    ]
  }

const logSoftmax = (x: Numbers, axis: number): Numbers => {
  const largest = fold(x, [axis], (xs) => Math.max(...xs))
  const shifted = zip([x, largest], (x, most) => x - most)
  return zip([shifted, fold(shifted, [axis], (xs) => Math.log(sum(xs.map(Math.exp))))], (x, normal) => x - normal)
}

const layerNormalization: Kernel = ([x, scale, bias], attributes) => {
  const axes = x.shape.map((_, i) => i).slice(axisIn(attributes, x, -1))
  const center = fold(x, axes, mean)
  const variance = fold(
    zip([x, center], (x, mu) => (x - mu) ** 2),
    axes,
    mean,
  )
  const inverse = map(variance, (v) => 1 / Math.sqrt(v + numberOf(attributes, 'epsilon', 1e-5)))
  const y = zip([x, center, inverse, scale], (x, mu, r, gamma) => (x - mu) * r * gamma)
  return [bias ? zip([y, bias], (y, beta) => y + beta) : y, center, inverse]
}

const reshape: Kernel = ([x, shape]) => {
  const asked = [...shape.values].map((size, i) => (size === 0 ? x.shape[i] : size))
  const known = asked.filter((size) => size !== -1).reduce((product, size) => product * size, 1)
  return [
    reshaped(
      x,
      asked.map((size) => (size === -1 ? x.values.length / known : size)),
    ),
  ]
}

const squeeze: Kernel = ([x, axes]) => {
  const gone = listOf(axes)?.map((axis) => front(axis, x.shape.length))
  return [
    reshaped(
      x,
      x.shape.filter((size, i) => (gone ? !gone.includes(i) : size !== 1)),
    ),
  ]
}

const unsqueeze: Kernel = ([x, axes]) => {
  const rank = x.shape.length + axes.values.length
  const added = [...axes.values].map((axis) => front(axis, rank))
  const shape = [...x.shape]
  for (const axis of added.toSorted((a, b) => a - b)) shape.splice(axis, 0, 1)
  return [reshaped(x, shape)]
}

const flatten: Kernel = ([x], attributes) => {
  const rows = x.shape.slice(0, axisIn(attributes, x, 1)).reduce((product, size) => product * size, 1)
  return [reshaped(x, [rows, x.values.length / rows])]
}

const expand: Kernel = ([x, shape]) => [zip([x, make([...shape.values], () => 0)], (x) => x)]

const concat: Kernel = (parts, attributes) => {
  const axis = axisIn(attributes, parts[0], 0)
  const shape = parts[0].shape.with(axis, sum(parts.map((part) => part.shape[axis])))
  return [
    make(shape, (index) => {
      let place = index[axis]
      const part = parts.find((part) => {
        if (place < part.shape[axis]) return true
        place -= part.shape[axis]
        return false
      })
      assert(part)
      return at(part, index.with(axis, place))
    }),
  ]
}

const split: Kernel = ([x, sizes], attributes, outputs) => {
  const axis = axisIn(attributes, x, 0)
  const equal = Math.ceil(x.shape[axis] / outputs)
  let begin = 0
  return Array.from({ length: outputs }, (_, i) => {
    const size = sizes ? sizes.values[i] : Math.min(equal, x.shape[axis] - begin)
    const from = begin
    begin += size
    return make(x.shape.with(axis, size), (index) => at(x, index.with(axis, index[axis] + from)))
  })
}

const slice: Kernel = ([x, starts, ends, axes, steps]) => {
  const along = (listOf(axes) ?? [...starts.values.keys()]).map((axis) => front(axis, x.shape.length))
  const picked = x.shape.map((size) => [...Array(size).keys()])
  along.forEach((axis, i) => {
    const [size, step] = [x.shape[axis], steps ? steps.values[i] : 1]
    const clamp = (place: number): number =>
      Math.min(Math.max(front(place, size), step > 0 ? 0 : -1), step > 0 ? size : size - 1)
    const list: number[] = []
    const end = clamp(ends.values[i])
    for (let place = clamp(starts.values[i]); step > 0 ? place < end : place > end; place += step) list.push(place)
    picked[axis] = list
  })
  return [
    make(
      picked.map((list) => list.length),
      (index) =>
        at(
          x,
          index.map((i, axis) => picked[axis][i]),
        ),
    ),
  ]
}

const pad: Kernel = ([x, pads, filling, axes]) => {
  const along = listOf(axes)?.map((axis) => front(axis, x.shape.length)) ?? [...x.shape.keys()]
  const before = x.shape.map(() => 0)
  const shape = [...x.shape]
  along.forEach((axis, i) => {
    before[axis] = pads.values[i]
    shape[axis] += pads.values[i] + pads.values[i + along.length]
  })
  return [
    make(shape, (index) => {
      const place = index.map((i, axis) => i - before[axis])
      return place.every((i, axis) => i >= 0 && i < x.shape[axis]) ? at(x, place) : (filling?.values[0] ?? 0)
    }),
  ]
}

const gather: Kernel = ([x, indices], attributes) => {
  const axis = axisIn(attributes, x, 0)
  const rank = indices.shape.length
  return [
    make(x.shape.toSpliced(axis, 1, ...indices.shape), (index) => {
      const place = front(at(indices, index.slice(axis, axis + rank)), x.shape[axis])
      return at(x, index.toSpliced(axis, rank, place))
    }),
  ]
}

const scatterElements: Kernel = ([data, indices, updates], attributes) => {
  assert.equal(stringOf(attributes, 'reduction', 'none'), 'add')
  const axis = axisIn(attributes, data, 0)
  const sums = new Map<string, number>()
  make(indices.shape, (index) => {
    const place = index.with(axis, front(at(indices, index), data.shape[axis])).join()
    sums.set(place, (sums.get(place) ?? 0) + at(updates, index))
    return 0
  })
  return [make(data.shape, (index) => at(data, index) + (sums.get(index.join()) ?? 0))]
}

const oneHot: Kernel = ([indices, depth, values]) => [
  make([...indices.shape, depth.values[0]], (index) => {
    const hot = front(at(indices, index.slice(0, -1)), depth.values[0])
    return values.values[hot === index[index.length - 1] ? 1 : 0]
  }),
]

const FLOAT32 = 1

export const kernels: Readonly<Record<string, Kernel>> = {
  Abs: each(Math.abs),
  Erf: each(erf),
  Exp: each(Math.exp),
  Gelu: ([x], attributes) => [map(x, stringOf(attributes, 'approximate', 'none') === 'tanh' ? geluTanh : gelu)],
  HardSigmoid: ([x], attributes) => {
    const [alpha, beta] = [numberOf(attributes, 'alpha', 0.2), numberOf(attributes, 'beta', 0.5)]
    return [map(x, (x) => Math.min(Math.max(alpha * x + beta, 0), 1))]
  },
  Identity: each((x) => x),
  IsNaN: each((x) => Number(Number.isNaN(x))),
  Log: each(Math.log),
  Neg: each((x) => -x),
  Not: each((x) => Number(x === 0)),
  Reciprocal: each((x) => 1 / x),
  Relu: each((x) => Math.max(x, 0)),
  Sigmoid: each(sigmoid),
  Sign: each(Math.sign),
  Softplus: each((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  Sqrt: each(Math.sqrt),
  Tanh: each(Math.tanh),
  Cast: ([x], attributes) => [numberOf(attributes, 'to', 0) === FLOAT32 ? x : map(x, Math.trunc)],
  Clip: both((x, low = -Infinity, high = Infinity) => Math.min(Math.max(x, low), high)),
  Add: both((x, y) => x + y),
  Sub: both((x, y) => x - y),
  Mul: both((x, y) => x * y),
  Div: both((x, y) => x / y),
  Pow: both((x, y) => x ** y),
  Sum: both((...xs) => sum(xs)),
  Max: both(Math.max),
  Min: both(Math.min),
  And: both((x, y) => Number(x !== 0 && y !== 0)),
  Or: both((x, y) => Number(x !== 0 || y !== 0)),
  Equal: both((x, y) => Number(x === y)),
  Greater: both((x, y) => Number(x > y)),
  GreaterOrEqual: both((x, y) => Number(x >= y)),
  Less: both((x, y) => Number(x < y)),
  LessOrEqual: both((x, y) => Number(x <= y)),
  Where: both((condition, yes, no) => (condition === 0 ? no : yes)),
  Gemm: gemm,
  MatMul: product,
  FusedMatMul: product,
  ReduceSum: reduce(sum),
  ReduceMean: reduce(mean),
  ReduceMax: reduce((xs) => Math.max(...xs)),
  ReduceMin: reduce((xs) => Math.min(...xs)),
  Softmax: ([x], attributes) => [map(logSoftmax(x, axisIn(attributes, x, -1)), Math.exp)],
  LogSoftmax: ([x], attributes) => [logSoftmax(x, axisIn(attributes, x, -1))],
  LayerNormalization: layerNormalization,
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: ([x], attributes) => [turned(x, numbersOf(attributes, 'perm') ?? [...x.shape.keys()].reverse())],
  Expand: expand,
  Concat: concat,
  Split: split,
  Slice: slice,
  Pad: pad,
  Shape: ([x]) => [{ shape: [x.shape.length], values: Float64Array.from(x.shape) }],
  Gather: gather,
  ScatterElements: scatterElements,
  OneHot: oneHot,
}
