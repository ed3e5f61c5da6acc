/**
 * Long short-term memory (Hochreiter & Schmidhuber 1997; with forget gates, Gers et al. 2000), unrolled over time.
 *
 *   i, f, g, o = the four parts of [hₜ₋₁ xₜ]·R + b,  i, f, o through σ, g through tanh
 *   cₜ = f∘cₜ₋₁ + i∘g,   hₜ = o∘tanh cₜ                     all [rows, units]; order of the parts as in torch.nn.LSTM
 *
 * Each step is one product of [h x] (units + inputs wide) with R = [W_hh W_ih]ᵀ. So is each step backwards, and the
 * gradient of R is one product over all steps at once, which the generic derivative would cut into small ones.
 */
import type { GraphBuilder } from '../graph/builder.ts'
import type { Value } from '../graph/ir.ts'
import { add, concat, gemm, matmul, mul, scale, sigmoid, slice, split, sub, tanh, transpose } from '../graph/ops.ts'
import type { Build } from './build.ts'
import { inverseRoot, type ParameterPlan } from './initialise.ts'

type G = GraphBuilder

/** The parameters of one layer, by torch.nn.LSTM's names. */
export const recurrentNames = (name: string, layer: number) =>
  ({
    inputs: `${name}.weight_ih_l${layer}`,
    state: `${name}.weight_hh_l${layer}`,
    inputBias: `${name}.bias_ih_l${layer}`,
    stateBias: `${name}.bias_hh_l${layer}`,
  }) as const

export function recurrentPlan(name: string, layer: number, inputs: number, units: number): ParameterPlan[] {
  const names = recurrentNames(name, layer)
  const plan = (name: string, shape: number[], decays: boolean): ParameterPlan => ({
    name,
    shape,
    initial: inverseRoot(units),
    decays,
  })
  return [
    plan(names.inputs, [4 * units, inputs], true),
    plan(names.state, [4 * units, units], true),
    plan(names.inputBias, [4 * units], false),
    plan(names.stateBias, [4 * units], false),
  ]
}

/** A layer as it ran forward: what it says of each step, and what the way back needs. */
interface Ran {
  readonly ticks: readonly Tick[]
  /** R: [units + inputs, 4·units] */
  readonly weights: Value
  readonly units: number
}

interface Tick {
  /** [rows, units + inputs] */
  readonly from: Value
  /** [rows, 4·units]: σ of everything, g's part being σ(2a) */
  readonly gates: Value
  readonly i: Value
  readonly f: Value
  readonly g: Value
  readonly o: Value
  /** cₜ₋₁; null for the first step, which starts from zero. */
  readonly before: Value | null
  readonly tanhC: Value
  readonly h: Value
}

/**
 * All layers of `torch.nn.LSTM`, from zero states.
 *
 * @param steps [rows, inputs], one a time step
 * @returns     hₜ of the last layer at the last step, [rows, units]
 */
export function recurrent(build: Build, steps: readonly Value[], name: string, layers: number): Value {
  const { g } = build
  const ran: Ran[] = []
  let inputs = steps
  for (let layer = 0; layer < layers; layer++) {
    const run = forward(build, inputs, name, layer)
    ran.push(run)
    inputs = run.ticks.map(({ h }) => h)
  }
  const last = inputs[inputs.length - 1]
  const parameters = ran.flatMap((_, layer) => Object.values(recurrentNames(name, layer)))
  const gradient = (dy: Value): Value[] => {
    const found = allBackward(g, ran, name, dy)
    return parameters.map((name) => found.get(name) as Value) // every parameter of the layers is among them
  }
  return g.region({ inputs: parameters.map((name) => build.weight(name)), output: last, gradient })
}

/** Layer by layer from the last, which alone is wanted, and of which the last step alone. */
function allBackward(g: G, ran: readonly Ran[], name: string, dy: Value): ReadonlyMap<string, Value> {
  const gradients = new Map<string, Value>()
  let wanted: (Value | null)[] = ran[0].ticks.map((_, t, ticks) => (t === ticks.length - 1 ? dy : null))
  for (const [layer, run] of [...ran.entries()].reverse()) {
    const { weights, bias, inputs } = backward(g, run, wanted, layer > 0)
    const names = recurrentNames(name, layer)
    const turned = transpose(g, weights, [1, 0])
    gradients.set(names.state, slice(g, turned, 1, 0, run.units))
    gradients.set(names.inputs, slice(g, turned, 1, run.units, turned.shape[1]))
    gradients.set(names.inputBias, bias)
    gradients.set(names.stateBias, bias)
    wanted = inputs
  }
  return gradients
}

function forward({ g, weight }: Build, inputs: readonly Value[], name: string, layer: number): Ran {
  const names = recurrentNames(name, layer)
  const [units4, units] = weight(names.state).shape
  const rows = inputs[0].shape[0]
  const weights = transpose(g, concat(g, [weight(names.state), weight(names.inputs)], 1), [1, 0])
  // tanh a = 2σ(2a) − 1: with g's columns doubled, one σ makes all four gates.
  const doubled = mul(g, weights, ofCandidate(g, units, 2))
  const bias = mul(g, add(g, weight(names.inputBias), weight(names.stateBias)), ofCandidate(g, units, 2))
  let h = g.filled([rows, units], 0)
  let c: Value | null = null
  const ticks = inputs.map((x): Tick => {
    const from = concat(g, [h, x], 1)
    const gates = sigmoid(g, gemm(g, from, doubled, bias))
    const [i, f, half, o] = split(g, gates, Array<number>(4).fill(units4 / 4), 1)
    const candidate = sub(g, scale(g, half, 2), g.scalar(1))
    const before = c
    const added = mul(g, i, candidate)
    c = before === null ? added : add(g, mul(g, f, before), added)
    const tanhC = tanh(g, c)
    h = mul(g, o, tanhC)
    return { from, gates, i, f, g: candidate, o, before, tanhC, h }
  })
  return { ticks, weights, units }
}

/**
 * From the last step to the first, with dhₜ what the loss wants of hₜ:
 *
 *   do = dh∘tanh c,  dc = dh∘o∘(1 − tanh² c) + dcₜ₊₁∘fₜ₊₁ = dh∘o − do∘h + …,  di = dc∘g,  df = dc∘cₜ₋₁,  dg = dc∘i
 *   da = [di df dg do]∘σ(1 − σ)     (for g: dg/da = 1 − g² = 4σ(1 − σ), σ at 2a; the 4 is brought in at the end)
 *   [dhₜ₋₁ dxₜ] = da·Rᵀ,  dR = Σₜ [hₜ₋₁ xₜ]ᵀ·daₜ,  db = Σₜ daₜ
 *
 * Graves 2012, §4.6, without peepholes.
 *
 * @param wanted dhₜ from above, by step
 * @returns      gradients of R, of each bias, and of the inputs by step (where asked for)
 */
function backward(
  g: G,
  { ticks, weights, units }: Ran,
  wanted: readonly (Value | null)[],
  ofInputs: boolean,
): { weights: Value; bias: Value; inputs: Value[] } {
  const rows = ticks[0].h.shape[0]
  const four = ofCandidate(g, units, 4)
  const back = mul(g, ofInputs ? weights : slice(g, weights, 0, 0, units), four)
  const inputs: Value[] = []
  const das: Value[] = []
  let later: { readonly dh: Value; readonly dc: Value } | null = null
  for (let t = ticks.length - 1; t >= 0; t--) {
    const { gates, i, f, g: candidate, o, before, tanhC, h } = ticks[t]
    const dh: Value = sumOf(g, later?.dh ?? null, wanted[t]) ?? g.filled([rows, units], 0)
    const dO = mul(g, dh, tanhC)
    const own = sub(g, mul(g, dh, o), mul(g, dO, h))
    const dc: Value = later === null ? own : add(g, own, later.dc)
    const df = before === null ? g.filled([rows, units], 0) : mul(g, dc, before)
    const through = mul(g, concat(g, [mul(g, dc, candidate), df, mul(g, dc, i), dO], 1), gates)
    const da = sub(g, through, mul(g, through, gates))
    das.push(da)
    if (t === 0 && !ofInputs) break
    const both = gemm(g, da, back, null, { transB: true })
    const [earlier, input] = ofInputs ? split(g, both, [units, both.shape[1] - units], 1) : [both, null]
    if (input) inputs.push(input)
    later = { dh: earlier, dc: mul(g, dc, f) }
  }
  const all = concat(g, das.reverse(), 0)
  const from = ticks.map((tick) => tick.from)
  return {
    // Turned first: as a flag of so long a product it costs a fifth more (bench/engine; splitLearner.ts keeps it so).
    weights: mul(g, gemm(g, transpose(g, concat(g, from, 0), [1, 0]), all), four),
    bias: mul(g, matmul(g, g.filled([all.shape[0]], 1), all), four),
    inputs: inputs.reverse(),
  }
}

const sumOf = (g: G, a: Value | null, b: Value | null): Value | null => (a && b ? add(g, a, b) : (a ?? b))

/** [4·units]: `factor` for the part of g, the cell's candidate, 1 for the gates. */
function ofCandidate(g: G, units: number, factor: number): Value {
  const part = (from: number) => from >= 2 * units && from < 3 * units
  return g.constant(
    'float32',
    [4 * units],
    Float32Array.from({ length: 4 * units }, (_, k) => (part(k) ? factor : 1)),
  )
}
