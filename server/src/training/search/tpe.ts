/**
 * Tree-structured Parzen estimator: where to look next, given what was seen.
 *
 *   x* = argmax over candidates x ~ l of  ln l(x) − ln g(x)
 *
 * l is a density over the settings of the best ⌈γn⌉ trials, g over those of the rest; the ratio grows with the expected
 * improvement (Bergstra et al. 2011, “Algorithms for Hyper-Parameter Optimization”, eq. 3). Both are mixtures with one
 * component a trial and one for the prior, and each component is a product over the dimensions (Falkner et al. 2018,
 * “BOHB”: multivariate), so that settings that only work together are found together:
 *
 *   real, whole   normal around the trial's place, cut to the range; as wide as the way to the farther of its two
 *                 neighbours, at least range / min(100, n + 2) (Bergstra et al. 2011, 4)
 *   choice        the trial's own option, mixed with all options alike
 *   prior         even over the options, and a normal as wide as the range
 *
 * Of more than 25 trials the older ones weigh less. The densities are those of Optuna 5's sampler (golden test). The
 * first `STARTUP` trials are drawn from the space. A function of the trials and the seed alone, so that a search that
 * was interrupted continues as it would have.
 */
import { bestOf, type TrainingTrial } from '../../domain/trainingRun.ts'
import { fmix32 } from '../../math/hash.ts'
import { normalCdf, normalQuantile } from '../../math/normalDistribution.ts'
import { type Random, seededRandom } from '../../math/random.ts'
import { type Dimension, drawPoint, type Point, rangeOf, type Space, scaleOf, settingAt } from './space.ts'

/** Trials before the estimator is asked, γ and its cap, candidates a choice: Optuna's, after Bergstra et al. 2011. */
const STARTUP = 10
const GOOD_SHARE = 0.1
const GOOD_MAX = 25
const CANDIDATES = 24
/** The newest trials, all of which weigh alike. */
const RECENT = 25

/** @param trials that have ended, in any order. */
export function suggest(space: Space, trials: readonly TrainingTrial[], seed: number): Point {
  const ended = trials.filter(({ values, state }) => values.length > 0 && state !== 'running')
  const random = seededRandom(fmix32(seed ^ Math.imul(trials.length + 1, 0x9e3779b1)))
  if (ended.length < STARTUP) return drawPoint(space, random)
  const ranked = rank(ended)
  const good = Math.min(Math.ceil(GOOD_SHARE * ranked.length), GOOD_MAX)
  const better = mixture(space, inOrder(ranked.slice(0, good)))
  const worse = mixture(space, inOrder(ranked.slice(good)))
  let best: Point | null = null
  let bestGain = Number.NEGATIVE_INFINITY
  for (let c = 0; c < CANDIDATES; c++) {
    const candidate = better.draw(random)
    const gain = better.logDensity(candidate) - worse.logDensity(candidate)
    if (best === null || gain > bestGain) {
      best = candidate
      bestGain = gain
    }
  }
  return best ?? drawPoint(space, random)
}

/**
 * Best first. Those that were allowed to end come before those that were pruned, of which the ones that got further come
 * first: what was pruned early was bad for certain.
 */
function rank(trials: readonly TrainingTrial[]): readonly TrainingTrial[] {
  const reached = ({ state, values }: TrainingTrial) => (state === 'complete' ? Number.MAX_SAFE_INTEGER : values.length)
  return [...trials].sort((a, b) => reached(b) - reached(a) || bestOf(a.values) - bestOf(b.values))
}

function inOrder(trials: readonly TrainingTrial[]): readonly Point[] {
  return trials.toSorted((a, b) => a.number - b.number).map(({ parameters }) => parameters)
}

export interface Mixture {
  draw(random: Random): Point
  logDensity(point: Point): number
}

/** The density of one dimension in one component. */
interface Kernel {
  draw(random: Random): Point[string]
  logDensity(setting: Point[string]): number
}

/** @param points oldest first */
export function mixture(space: Space, points: readonly Point[]): Mixture {
  const entries = Object.entries(space)
  /** [dimensions][components], the prior last */
  const kernels = entries.map(([name, dimension]) => [
    ...kernelsAt(
      dimension,
      points.map((point) => point[name]),
    ),
    priorKernel(dimension),
  ])
  const weights = [...points.map((_, i) => weightOf(i, points.length)), 1]
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return {
    draw(random) {
      let left = random() * total
      const component = weights.findIndex((weight) => {
        left -= weight
        return left < 0
      })
      return Object.fromEntries(entries.map(([name], d) => [name, kernels[d][component].draw(random)]))
    },
    logDensity(point) {
      const logs = weights.map((weight, c) =>
        entries.reduce((sum, [name], d) => sum + kernels[d][c].logDensity(point[name]), Math.log(weight / total)),
      )
      const top = Math.max(...logs)
      return top + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - top), 0))
    },
  }
}

/** From 1/n for the oldest of n points evenly up to 1 for the recent ones. */
function weightOf(i: number, points: number): number {
  const ramp = points - RECENT
  if (i >= ramp) return 1
  return ramp === 1 ? 1 / points : 1 / points + ((1 - 1 / points) * i) / (ramp - 1)
}

function priorKernel(dimension: Dimension): Kernel {
  if (dimension.kind === 'choice') return choiceKernel(dimension.of, null, 0)
  const [low, high] = rangeOf(dimension)
  return normalKernel(dimension, (low + high) / 2, high - low)
}

function kernelsAt(dimension: Dimension, settings: readonly Point[string][]): readonly Kernel[] {
  if (dimension.kind === 'choice')
    return settings.map((setting) => choiceKernel(dimension.of, setting, settings.length))
  const places = settings.map((setting) => scaleOf(dimension, setting))
  const widths = widthsOf(places, rangeOf(dimension))
  return places.map((place, i) => normalKernel(dimension, place, widths[i]))
}

/** To the farther neighbour; the outermost have one neighbour, and one alone has the ends of the range. */
function widthsOf(places: readonly number[], [low, high]: readonly [number, number]): readonly number[] {
  const order = places.map((_, i) => i).sort((a, b) => places[a] - places[b])
  const widthMin = (high - low) / Math.min(100, places.length + 2)
  const widths = new Array<number>(places.length)
  for (const [rank, i] of order.entries()) {
    const alone = places.length === 1
    const before = rank > 0 ? places[i] - places[order[rank - 1]] : alone ? places[i] - low : 0
    const after = rank < order.length - 1 ? places[order[rank + 1]] - places[i] : alone ? high - places[i] : 0
    widths[i] = Math.min(high - low, Math.max(widthMin, before, after))
  }
  return widths
}

/** Its own option counts 1, and each option one in n + 1: the fewer trials, the less it is sure. */
function choiceKernel(options: readonly Point[string][], own: Point[string] | null, points: number): Kernel {
  const even = 1 / (points + 1)
  const total = options.length * even + (own === null ? 0 : 1)
  const shares = options.map((option) => (even + (own !== null && option === own ? 1 : 0)) / total)
  return {
    draw(random) {
      let left = random()
      for (const [i, share] of shares.entries()) {
        left -= share
        if (left < 0) return options[i]
      }
      return options[options.length - 1]
    },
    logDensity: (setting) => Math.log(shares[options.indexOf(setting)]),
  }
}

/** A normal density cut to the range; for whole numbers, the mass between k − ½ and k + ½. */
function normalKernel(dimension: Exclude<Dimension, { kind: 'choice' }>, mean: number, deviation: number): Kernel {
  const [low, high] = rangeOf(dimension)
  const from = normalCdf((low - mean) / deviation)
  const to = normalCdf((high - mean) / deviation)
  const logMass = Math.log(to - from)
  return {
    draw: (random) => {
      const place = mean + deviation * normalQuantile(from + random() * (to - from))
      return settingAt(dimension, Math.min(high, Math.max(low, place)))
    },
    logDensity: (setting) => {
      if (dimension.kind === 'whole') {
        const k = Number(setting)
        const [a, b] = dimension.log ? [Math.log(k - 0.5), Math.log(k + 0.5)] : [k - 0.5, k + 0.5]
        return Math.log(massBetween((a - mean) / deviation, (b - mean) / deviation)) - logMass
      }
      const z = (scaleOf(dimension, setting) - mean) / deviation
      return -0.5 * z * z - Math.log(deviation * Math.sqrt(2 * Math.PI)) - logMass
    },
  }
}

/** Φ(b) − Φ(a) for a < b, in the lower tail, where the digits are; never 0, so that its logarithm exists. */
function massBetween(a: number, b: number): number {
  return Math.max(a > 0 ? normalCdf(-a) - normalCdf(-b) : normalCdf(b) - normalCdf(a), Number.MIN_VALUE)
}
