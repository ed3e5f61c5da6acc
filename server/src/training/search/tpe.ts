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
 *   real, whole   normal around the trial's place, cut to the range; its width is Scott's: ⅕ · range · n^(−1 / (d + 4))
 *   choice        the trial's own option, mixed with all options alike
 *   prior         even over the options, and a normal as wide as the range
 *
 * The first `STARTUP` trials are drawn from the space. A function of the trials and the seed alone, so that a search
 * that was interrupted goes on as it would have.
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
/** Widths of kernels, as shares of the range (Optuna's multivariate estimator). */
const WIDTH = 0.2
const WIDTH_MIN = 0.01

/** @param trials that have ended, in any order. */
export function suggest(space: Space, trials: readonly TrainingTrial[], seed: number): Point {
  const ended = trials.filter(({ values, state }) => values.length > 0 && state !== 'running')
  const random = seededRandom(fmix32(seed ^ Math.imul(trials.length + 1, 0x9e3779b1)))
  if (ended.length < STARTUP) return drawPoint(space, random)
  const ranked = rank(ended).map(({ parameters }) => parameters)
  const good = Math.min(Math.ceil(GOOD_SHARE * ranked.length), GOOD_MAX)
  const better = mixture(space, ranked.slice(0, good))
  const worse = mixture(space, ranked.slice(good))
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

interface Mixture {
  draw(random: Random): Point
  logDensity(point: Point): number
}

/** The density of one dimension in one component. */
interface Kernel {
  draw(random: Random): Point[string]
  logDensity(setting: Point[string]): number
}

function mixture(space: Space, points: readonly Point[]): Mixture {
  const entries = Object.entries(space)
  const width = Math.max(WIDTH_MIN, WIDTH * Math.max(1, points.length) ** (-1 / (entries.length + 4)))
  const components: (readonly Kernel[])[] = [
    entries.map(([, dimension]) => priorKernel(dimension)),
    ...points.map((point) =>
      entries.map(([name, dimension]) => kernelAt(dimension, point[name], width, points.length)),
    ),
  ]
  return {
    draw(random) {
      const component = components[Math.floor(random() * components.length)]
      return Object.fromEntries(entries.map(([name], d) => [name, component[d].draw(random)]))
    },
    logDensity(point) {
      const logs = components.map((component) =>
        component.reduce((sum, kernel, d) => sum + kernel.logDensity(point[entries[d][0]]), 0),
      )
      const top = Math.max(...logs)
      return top + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - top), 0) / components.length)
    },
  }
}

function priorKernel(dimension: Dimension): Kernel {
  if (dimension.kind === 'choice') return choiceKernel(dimension.of, null, 0)
  const [low, high] = rangeOf(dimension)
  return normalKernel(dimension, (low + high) / 2, high - low)
}

function kernelAt(dimension: Dimension, setting: Point[string], width: number, points: number): Kernel {
  if (dimension.kind === 'choice') return choiceKernel(dimension.of, setting, points)
  const [low, high] = rangeOf(dimension)
  return normalKernel(dimension, scaleOf(dimension, setting), width * (high - low))
}

/** Its own option counts 1, and all options together count one in `points`: the fewer trials, the less it is sure. */
function choiceKernel(options: readonly Point[string][], own: Point[string] | null, points: number): Kernel {
  const even = 1 / (points + 1)
  const shares = options.map((option) =>
    own === null ? 1 / options.length : even / options.length + (option === own ? 1 - even : 0),
  )
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
  const mass = (a: number, b: number) => normalCdf((b - mean) / deviation) - normalCdf((a - mean) / deviation)
  return {
    draw: (random) => {
      const place = mean + deviation * normalQuantile(from + random() * (to - from))
      return settingAt(dimension, Math.min(high, Math.max(low, place)))
    },
    logDensity: (setting) => {
      if (dimension.kind === 'whole') {
        const k = Number(setting)
        const [a, b] = dimension.log ? [Math.log(k - 0.5), Math.log(k + 0.5)] : [k - 0.5, k + 0.5]
        return Math.log(Math.max(mass(a, b), Number.MIN_VALUE)) - logMass
      }
      const z = (scaleOf(dimension, setting) - mean) / deviation
      return -0.5 * z * z - Math.log(deviation * Math.sqrt(2 * Math.PI)) - logMass
    },
  }
}
