/**
 * Integrated gradients: what each token adds to the logits, on the way from a baseline to the text.
 *
 *   IGₜ = Σ_width (xₜ − x₀ₜ) ∘ ∫₀¹ ∂(c·logits)/∂e (x₀ + α(x − x₀)) dα        (Sundararajan, Taly & Yan 2017, eq. 1)
 *
 * They are complete: Σₜ IGₜ = c·logits(x) − c·logits(x₀). Split at any α, that holds for each panel of the path too, and
 * its right side is known exactly: so the quadrature knows its own error in every panel, and halves those where it is
 * large, until the errors sum to less than half a per cent of the difference, and without their signs to less than two.
 * (Most implementations take a fixed number of steps and hope.)
 */
import { gaussLegendre } from '../../math/gaussLegendre.ts'
import type { Bucket } from '../fit/trainable.ts'
import { toOnnx } from '../graph/toOnnx.ts'
import { type Exported, readExport } from '../import/readExport.ts'
import { encodeModel } from '../onnx/encode.ts'
import { floats } from '../onnx/tensor.ts'
import { openSession, type RunTensor, runTensor, type Session, valuesOf } from '../session.ts'
import { feeds, pathGraph } from './pathGraph.ts'

export interface Attribution {
  /** [tokens, labels] what each token adds to each centred logit, zₖ − mean z. */
  readonly perToken: Float64Array
  /** [labels] centred logits of the text and of the baseline. */
  readonly logits: Float64Array
  readonly baseline: Float64Array
  /** The largest |Σ attributions − difference| over the labels, as a share of the difference. */
  readonly error: number
  /** Points of the path that were evaluated. */
  readonly points: number
}

export interface GradientExplainer {
  readonly labels: number
  /**
   * @param ids      [tokens] of the text, special ones included; at most maxLength
   * @param baseline [tokens] the same with nothing said: special tokens stay, words become the baseline token
   */
  attribute(ids: Int32Array, baseline: Int32Array, signal?: AbortSignal): Promise<Attribution>
  close(): Promise<void>
}

export interface GradientOptions {
  readonly maxLength: number
  readonly padId: number
  readonly threads?: number
  /** Most that the errors of all panels may be without their signs, as a share of the difference; 0.02 by default. */
  readonly roughness?: number
}

const NODES = 5
const PANELS = 2
/** Half of what is promised; and what errors may be that cancel in the sum, but not in each token's part. */
const TOLERANCE = 0.005
const ROUGHNESS = 0.02
/** A difference so small is nearly none: the error is then a share of this. */
const DIFFERENCE_MIN = 0.1
const POINTS_MAX = 1024
/** Tokens of one run: rows are as many as fit. */
const TOKENS = 1024
const ROWS_MAX = 16
/** Graphs of so many lengths are kept open. */
const OPEN_MAX = 3

/** @param model an ONNX classifier in float32: of our own, or an export that could be fine-tuned */
export async function openGradients(model: Uint8Array, options: GradientOptions): Promise<GradientExplainer> {
  const exported = readExport(model)
  const weights: Record<string, RunTensor> = {}
  for (const { name, tensor } of exported.weights) weights[name] = runTensor('float32', floats(tensor), tensor.shape)
  const open = new Map<number, Path>()
  const first = await pathOf(8)
  let turn: Promise<unknown> = Promise.resolve()

  async function pathOf(tokens: number): Promise<Path> {
    const length = Math.min(options.maxLength, roomFor(tokens))
    const known = open.get(length)
    if (known) {
      open.delete(length)
      open.set(length, known)
      return known
    }
    const [oldest] = open.values()
    if (oldest !== undefined && open.size >= OPEN_MAX) {
      open.delete(oldest.bucket.length)
      await oldest.session.close()
    }
    const bucket = { rows: Math.max(1, Math.min(ROWS_MAX, Math.floor(TOKENS / length))), length }
    const path = await openPath(exported, bucket, weights, options.threads ?? 1)
    open.set(length, path)
    return path
  }

  return {
    labels: first.labels,
    attribute(ids, baseline, signal) {
      // One at a time: a run fills the feeds of its graph.
      const mine = turn.then(async () => {
        signal?.throwIfAborted()
        const path = await pathOf(ids.length)
        return integrate(
          await pointsOn(path, ids, baseline, options.padId),
          path.labels,
          ids.length,
          options.roughness ?? ROUGHNESS,
          signal,
        )
      })
      turn = mine.catch(() => undefined)
      return mine
    },
    async close() {
      await turn
      for (const { session } of open.values()) await session.close()
      open.clear()
    },
  }
}

/** The next larger of 8, 12, 16, 24, 32, …: few graphs, and at most a third of their length is padding. */
function roomFor(tokens: number): number {
  const power = 2 ** Math.ceil(Math.log2(Math.max(8, tokens)))
  return power > 8 && tokens <= 0.75 * power ? 0.75 * power : power
}

interface Path {
  readonly bucket: Bucket
  readonly labels: number
  readonly session: Session
  readonly weights: Readonly<Record<string, RunTensor>>
  /** The feeds that the graph has. */
  readonly names: ReadonlySet<string>
}

async function openPath(
  exported: Exported,
  bucket: Bucket,
  weights: Readonly<Record<string, RunTensor>>,
  threads: number,
): Promise<Path> {
  const { graph, labels } = await pathGraph(exported, bucket)
  const session = await openSession(encodeModel(toOnnx(graph)), { threads })
  return { bucket, labels, session, weights, names: new Set(session.inputs) }
}

/** A point of the path and the contrast whose gradient is wanted there. */
interface Point {
  readonly alpha: number
  readonly contrast: Float32Array
}

interface Seen {
  /** [tokens] */
  readonly attributions: Float64Array
  /** [labels] */
  readonly logits: Float64Array
}

type EvaluatePoints = (points: readonly Point[]) => Promise<Seen[]>

async function pointsOn(path: Path, ids: Int32Array, baseline: Int32Array, padId: number): Promise<EvaluatePoints> {
  const { rows, length } = path.bucket
  const padded = (tokens: Int32Array) => {
    const out = new BigInt64Array(length).fill(BigInt(padId))
    for (const [t, id] of tokens.entries()) out[t] = BigInt(id)
    return out
  }
  const [text, from] = [padded(ids), padded(baseline)]
  const all = new BigInt64Array(rows * length)
  const mask = new BigInt64Array(rows * length)
  for (let row = 0; row < rows; row++) {
    all.set(text, row * length)
    mask.fill(1n, row * length, row * length + ids.length)
  }
  const alpha = new Float32Array(rows)
  const contrast = new Float32Array(rows * path.labels)
  const fed: Record<string, RunTensor> = {
    [feeds.ids]: runTensor('int64', all, [rows, length]),
    [feeds.mask]: runTensor('int64', mask, [rows, length]),
    [feeds.text]: runTensor('int64', text, [length]),
    [feeds.baseline]: runTensor('int64', from, [length]),
    [feeds.alpha]: runTensor('float32', alpha, [rows, 1, 1]),
    [feeds.contrast]: runTensor('float32', contrast, [rows, path.labels]),
    ...path.weights,
  }
  const inputs = Object.fromEntries(Object.entries(fed).filter(([name]) => path.names.has(name)))

  return async (points) => {
    const seen: Seen[] = []
    for (let at = 0; at < points.length; at += rows) {
      const part = points.slice(at, at + rows)
      for (const [row, point] of part.entries()) {
        alpha[row] = point.alpha
        contrast.set(point.contrast, row * path.labels)
      }
      const result = await path.session.run(inputs)
      const [attributions, logits] = [valuesOf('float32', result.attributions), valuesOf('float32', result.logits)]
      for (const [row] of part.entries())
        seen.push({
          attributions: Float64Array.from(attributions.subarray(row * length, row * length + ids.length)),
          logits: Float64Array.from(logits.subarray(row * path.labels, (row + 1) * path.labels)),
        })
    }
    return seen
  }
}

interface Panel {
  readonly from: number
  readonly to: number
  /** [contrasts] of [tokens] */
  readonly attributions: readonly Float64Array[]
  /** [contrasts] Σ attributions − difference over the panel */
  readonly errors: readonly number[]
}

async function integrate(
  evaluatePoints: EvaluatePoints,
  labels: number,
  tokens: number,
  roughness: number,
  signal?: AbortSignal,
): Promise<Attribution> {
  const contrasts = contrastsOf(labels)
  const rule = gaussLegendre(NODES)
  const ends = new Map<number, Float64Array>()
  let points = 0

  async function panelsOf(cuts: readonly (readonly [number, number])[]): Promise<Panel[]> {
    signal?.throwIfAborted()
    const fresh = [...new Set(cuts.flat())].filter((alpha) => !ends.has(alpha))
    const inner = cuts.flatMap(([from, to]) =>
      contrasts.flatMap((contrast) =>
        Array.from(rule.nodes, (node): Point => ({ alpha: from + node * (to - from), contrast })),
      ),
    )
    const seen = await evaluatePoints([...fresh.map((alpha): Point => ({ alpha, contrast: contrasts[0] })), ...inner])
    points += seen.length
    for (const [i, alpha] of fresh.entries()) ends.set(alpha, seen[i].logits)
    return cuts.map(([from, to], p) =>
      panel(from, to, (c, node) => seen[fresh.length + (p * contrasts.length + c) * NODES + node].attributions),
    )
  }

  function panel(from: number, to: number, at: (contrast: number, node: number) => Float64Array): Panel {
    const attributions = contrasts.map((_, c) => {
      const sum = new Float64Array(tokens)
      for (const [node, weight] of rule.weights.entries())
        for (const [t, gradient] of at(c, node).entries()) sum[t] += (to - from) * weight * gradient
      return sum
    })
    const errors = attributions.map(
      (sum, c) => sum.reduce((a, b) => a + b, 0) - (along(contrasts[c], to) - along(contrasts[c], from)),
    )
    return { from, to, attributions, errors }
  }

  const along = (contrast: Float32Array, alpha: number): number =>
    contrast.reduce((sum, weight, k) => sum + weight * (ends.get(alpha)?.[k] ?? NaN), 0)
  const scales = () => contrasts.map((c) => Math.max(DIFFERENCE_MIN, Math.abs(along(c, 1) - along(c, 0))))

  let panels = await panelsOf(Array.from({ length: PANELS }, (_, i) => [i / PANELS, (i + 1) / PANELS] as const))
  const share = (one: Panel, all: readonly number[]) => Math.max(...one.errors.map((e, c) => Math.abs(e) / all[c]))
  for (;;) {
    const all = scales()
    const total = (f: (error: number) => number) =>
      Math.max(...contrasts.map((_, c) => Math.abs(panels.reduce((sum, one) => sum + f(one.errors[c]), 0)) / all[c]))
    const isRough = total(Math.abs) > roughness
    if (!isRough && total((error) => error) <= TOLERANCE) break
    const least = (isRough ? roughness : TOLERANCE) / (2 * panels.length)
    const wide = panels.filter((one) => share(one, all) > least)
    // What float32 cannot tell apart is as narrow as a panel becomes.
    const halved = wide.filter(({ from, to }) => to - from > 1e-3)
    if (halved.length === 0 || points + 2 * halved.length * NODES * contrasts.length > POINTS_MAX) break
    const cuts = halved.flatMap(({ from, to }) => {
      const middle = (from + to) / 2
      return [[from, middle] as const, [middle, to] as const]
    })
    panels = [...panels.filter((one) => !halved.includes(one)), ...(await panelsOf(cuts))]
  }
  const sums = contrasts.map((_, c) => {
    const sum = new Float64Array(tokens)
    for (const one of panels) for (const [t, x] of one.attributions[c].entries()) sum[t] += x
    return sum
  })
  const all = scales()
  const error = Math.max(
    ...sums.map((sum, c) => {
      const difference = along(contrasts[c], 1) - along(contrasts[c], 0)
      return Math.abs(sum.reduce((a, b) => a + b, 0) - difference) / all[c]
    }),
  )
  return {
    perToken: toLabels(sums, tokens, labels),
    logits: centred(ends.get(1) ?? new Float64Array(labels)),
    baseline: centred(ends.get(0) ?? new Float64Array(labels)),
    error,
    points,
  }
}

/** Centred logits as sums over logits. Of two labels one is enough: the other is its opposite. */
function contrastsOf(labels: number): Float32Array[] {
  if (labels === 2) return [Float32Array.of(-0.5, 0.5)]
  return Array.from({ length: labels }, (_, k) =>
    Float32Array.from({ length: labels }, (_, j) => (j === k ? 1 : 0) - 1 / labels),
  )
}

function toLabels(sums: readonly Float64Array[], tokens: number, labels: number): Float64Array {
  const perToken = new Float64Array(tokens * labels)
  for (let t = 0; t < tokens; t++)
    for (let k = 0; k < labels; k++) perToken[t * labels + k] = labels === 2 ? (k - 0.5) * 2 * sums[0][t] : sums[k][t]
  return perToken
}

export function centred(logits: ArrayLike<number>): Float64Array {
  const mean = Array.from(logits).reduce((a, b) => a + b, 0) / logits.length
  return Float64Array.from(logits, (z) => z - mean)
}
