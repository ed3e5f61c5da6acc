/** The search as a whole: on functions with known minima, and on curves with known ends. Deterministic: all is seeded. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Fault } from '../../domain/faults.ts'
import { bestOf, type TrainingEvent, type TrainingTrial } from '../../domain/trainingRun.ts'
import { seededRandom } from '../../math/random.ts'
import { isHopeless } from './asha.ts'
import { type Found, runSearch, type Search, type SearchNeeds } from './runSearch.ts'
import { drawPoint, type Point, type Space } from './space.ts'
import { mixture, suggest } from './tpe.ts'

const SEEDS = Array.from({ length: 15 }, (_, seed) => seed)
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]
const at = (point: Point, name: string) => Number(point[name])

/** Branin & Hoo 1972; three minima of 0.397887. */
const branin = (point: Point): number => {
  const [x, y] = [at(point, 'x'), at(point, 'y')]
  const [b, c, t] = [5.1 / (4 * Math.PI ** 2), 5 / Math.PI, 1 / (8 * Math.PI)]
  return (y - b * x * x + c * x - 6) ** 2 + 10 * (1 - t) * Math.cos(x) + 10
}
const braninSpace: Space = { x: { kind: 'real', low: -5, high: 10 }, y: { kind: 'real', low: 0, high: 15 } }

const SIX = ['a', 'b', 'c', 'd', 'e', 'f']

/** Hartmann's function of six dimensions (Dixon & Szegő 1978); minimum −3.32237. */
const hartmann = (point: Point): number => {
  const x = SIX.map((name) => at(point, name))
  const scales = [
    [10, 3, 17, 3.5, 1.7, 8],
    [0.05, 10, 17, 0.1, 8, 14],
    [3, 3.5, 1.7, 10, 17, 8],
    [17, 8, 0.05, 10, 0.1, 14],
  ]
  const centres = [
    [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
    [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
    [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665],
    [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
  ]
  return [1, 1.2, 3, 3.2].reduce((sum, weight, i) => {
    const distance = x.reduce((d, xj, j) => d + scales[i][j] * (xj - centres[i][j]) ** 2, 0)
    return sum - weight * Math.exp(-distance)
  }, 0)
}
const hartmannSpace: Space = Object.fromEntries(SIX.map((name) => [name, { kind: 'real', low: 0, high: 1 }]))

/** What a training run is like: each kind of dimension, on its scale; minimum 0. */
const training = (point: Point): number =>
  (Math.log10(at(point, 'learningRate')) + 3) ** 2 +
  0.3 * Math.abs(at(point, 'layers') - 4) +
  2 * (at(point, 'dropout') - 0.2) ** 2 +
  (point['optimiser'] === 'adam' ? 0 : 0.7) +
  0.1 * (Math.log2(at(point, 'batch')) - 5) ** 2
const trainingSpace: Space = {
  learningRate: { kind: 'real', low: 1e-6, high: 1, log: true },
  layers: { kind: 'whole', low: 1, high: 12 },
  dropout: { kind: 'real', low: 0, high: 0.6 },
  optimiser: { kind: 'choice', of: ['sgd', 'adam', 'rmsprop', 'adagrad'] },
  batch: { kind: 'whole', low: 4, high: 256, log: true },
}

/** The true value of what a search takes for the best, when it sees each value with noise of ± noise. */
function ends(
  f: (point: Point) => number,
  trials: number,
  noise: number,
  seed: number,
  next: (seen: readonly TrainingTrial[]) => Point,
): number {
  const random = seededRandom(seed + 1000)
  const seen: TrainingTrial[] = []
  for (let number = 0; number < trials; number++) {
    const parameters = next(seen)
    const values = [f(parameters) + noise * (2 * random() - 1)]
    seen.push({ kind: 'trial', number, state: 'complete', parameters, values })
  }
  return f(seen.reduce((best, trial) => (trial.values[0] < best.values[0] ? trial : best)).parameters)
}

interface Golden {
  readonly observed: readonly Point[]
  readonly points: readonly Point[]
  readonly logDensity: readonly number[]
}

describe('the estimator', () => {
  test('has the densities of Optuna 5’s, for 1, 5 and 40 trials and every kind of dimension', () => {
    const space: Space = {
      a: { kind: 'real', low: 0, high: 1 },
      b: { kind: 'real', low: 1e-5, high: 1, log: true },
      k: { kind: 'whole', low: 1, high: 64 },
      n: { kind: 'whole', low: 4, high: 256, log: true },
      c: { kind: 'choice', of: ['p', 'q', 'r'] },
    }
    const golden = new URL('../../../test/golden/search/parzen.json', import.meta.url)
    for (const { observed, points, logDensity } of JSON.parse(readFileSync(golden, 'utf8')) as Golden[]) {
      const ours = mixture(space, observed)
      for (const [i, point] of points.entries()) expect(ours.logDensity(point)).toBeCloseTo(logDensity[i], 9)
    }
  })

  // The bounds lie well above the medians that were measured over other seeds (0.57, −3.17, −3.15, 0.32); those of Optuna
  // 5, multivariate, over as many: 0.49 and −3.24 without noise.
  test.each([
    ['Branin', branin, braninSpace, 50, 0, 0.9],
    ['Hartmann of six dimensions', hartmann, hartmannSpace, 100, 0, -2.7],
    ['Hartmann of six dimensions with noise', hartmann, hartmannSpace, 100, 0.1, -2.7],
    ['settings of every kind with noise', training, trainingSpace, 60, 0.05, 0.5],
  ] as const)('%s: the median ends below random search, and near the minimum', (_, f, space, trials, noise, bound) => {
    const found = SEEDS.map((seed) => ends(f, trials, noise, seed, (seen) => suggest(space, seen, seed)))
    const drawn = SEEDS.map((seed) => {
      const random = seededRandom(seed + 7)
      return ends(f, trials, noise, seed, () => drawPoint(space, random))
    })
    expect(median(found)).toBeLessThan(bound)
    expect(median(found)).toBeLessThan(median(drawn))
    expect(found.filter((value, i) => value < drawn[i]).length).toBeGreaterThanOrEqual(0.75 * SEEDS.length)
  })

  test('every suggestion lies in the space, and is of its kind', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 30 }), fc.integer(), (count, seed) => {
        const random = seededRandom(seed)
        const seen = Array.from({ length: count }, (_, number): TrainingTrial => {
          const parameters = drawPoint(trainingSpace, random)
          const state = random() < 0.5 ? 'complete' : 'pruned'
          return { kind: 'trial', number, state, parameters, values: [training(parameters)] }
        })
        const point = suggest(trainingSpace, seen, seed)
        for (const [name, dimension] of Object.entries(trainingSpace)) {
          if (dimension.kind === 'choice') expect(dimension.of).toContain(point[name])
          else {
            expect(point[name]).toBeGreaterThanOrEqual(dimension.low)
            expect(point[name]).toBeLessThanOrEqual(dimension.high)
            if (dimension.kind === 'whole') expect(Number.isInteger(point[name])).toBe(true)
          }
        }
        expect(suggest(trainingSpace, seen, seed)).toEqual(point)
      }),
      { numRuns: 60 },
    )
  })

  test('a space of one point has one suggestion', () => {
    const space: Space = { k: { kind: 'whole', low: 3, high: 3 }, c: { kind: 'choice', of: [true] } }
    const seen = Array.from(
      { length: 12 },
      (_, number): TrainingTrial => ({
        kind: 'trial',
        number,
        state: 'complete',
        parameters: { k: 3, c: true },
        values: [number],
      }),
    )
    expect(suggest(space, seen, 1)).toEqual({ k: 3, c: true })
  })
})

/** Falls as 1 / epoch towards an end that depends on the settings, from a start that does not quite tell it. */
const curveOf = (parameters: Point, epoch: number): number => {
  const noise = Math.sin(1e4 * at(parameters, 'learningRate') + epoch) * 0.01
  return training(parameters) + (2 + 0.3 * at(parameters, 'dropout')) / epoch + noise
}
const start: Point = { learningRate: 0.1, layers: 8, dropout: 0.5, optimiser: 'sgd', batch: 16 }
const EPOCHS = 27

interface Simulated extends Found {
  readonly epochs: number
  readonly events: readonly TrainingEvent[]
}

async function simulate(
  search: Partial<Search> & { seed: number },
  needs: Partial<SearchNeeds> = {},
): Promise<Simulated> {
  let epochs = 0
  const events: TrainingEvent[] = []
  const found = await runSearch(
    { space: trainingSpace, start, trials: 40, known: [], ...search },
    {
      async attempt(_trial, parameters, report) {
        for (let epoch = 1; epoch <= EPOCHS; epoch++) {
          epochs++
          if (!report(curveOf(parameters, epoch))) return
        }
      },
      onEvent: (event) => events.push(event),
      signal: new AbortController().signal,
      ...needs,
    },
  )
  return { ...found, epochs, events }
}

describe('pruning', () => {
  test('saves more than half of the epochs, and the best is worse by less than a tenth of the spread', async () => {
    const never = { epochsMin: 1000, reduction: 3 }
    const runs = await Promise.all(
      SEEDS.map(async (seed) => ({
        pruned: await simulate({ seed }),
        whole: await simulate({ seed, halving: never }),
      })),
    )
    for (const { pruned, whole } of runs) {
      expect(whole.epochs).toBe(40 * EPOCHS)
      expect(pruned.epochs).toBeLessThan(0.5 * whole.epochs)
      expect(pruned.trials).toHaveLength(40)
    }
    const lost = runs.map(({ pruned, whole }) => bestOf(pruned.best.values) - bestOf(whole.best.values))
    const spread = median(runs.map(({ whole }) => median(whole.trials.map(({ values }) => bestOf(values)))))
    expect(median(lost)).toBeLessThan(0.1 * spread)
  })

  test('the best so far is never cut short', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 9 }), {
          maxLength: 20,
        }),
        fc.integer({ min: 1, max: 9 }),
        (others, epochs) => {
          const best = Math.min(...others.flat(), 1)
          expect(isHopeless(new Array<number>(epochs).fill(best), others)).toBe(false)
        },
      ),
    )
  })

  test('between rungs no trial is stopped; at a rung one in three continues', () => {
    const others = Array.from({ length: 8 }, (_, i) => new Array<number>(9).fill(i))
    expect(isHopeless([99, 99], others)).toBe(false)
    expect(isHopeless([1.5, 1.5, 1.5], others)).toBe(false)
    expect(isHopeless([2.5, 2.5, 2.5], others)).toBe(true)
  })
})

describe('a search', () => {
  test('begins with the settings of the recipe, and reports every trial', async () => {
    const { trials, events, best } = await simulate({ seed: 3, trials: 6 })
    expect(trials[0].parameters).toEqual(start)
    expect(trials.map(({ number }) => number)).toEqual([0, 1, 2, 3, 4, 5])
    const last = new Map(events.flatMap((event) => (event.kind === 'trial' ? [[event.number, event]] : [])))
    expect([...last.values()]).toEqual(trials)
    expect(bestOf(best.values)).toBe(
      Math.min(...trials.filter((t) => t.state === 'complete').map((t) => bestOf(t.values))),
    )
  })

  test('that was interrupted continues as it would have', async () => {
    const whole = await simulate({ seed: 5, trials: 20 })
    const stopped = new AbortController()
    const events: TrainingEvent[] = []
    await expect(
      simulate(
        { seed: 5, trials: 20 },
        {
          signal: stopped.signal,
          onEvent(event) {
            events.push(event)
            if (event.kind === 'trial' && event.number === 12 && event.state !== 'running') stopped.abort()
          },
        },
      ),
    ).rejects.toThrow('abort')
    const known = [...new Map(events.flatMap((e) => (e.kind === 'trial' ? [[e.number, e]] : []))).values()]
    expect(known).toHaveLength(13)
    const resumed = await simulate({ seed: 5, trials: 20, known })
    expect(resumed.trials).toEqual(whole.trials)
    expect(resumed.best).toEqual(whole.best)
  })

  test('a trial whose settings cannot work is one that failed; a bug ends the search', async () => {
    const broken = (error: Error): Partial<SearchNeeds> => ({
      async attempt(trial, _parameters, report) {
        if (trial % 2 === 1) throw error
        report(trial)
      },
    })
    const { trials, best } = await simulate({ seed: 1, trials: 5 }, broken(new Fault('data_broken')))
    expect(trials.map(({ state }) => state)).toEqual(['complete', 'failed', 'pruned', 'failed', 'pruned'])
    expect(best.number).toBe(0)
    await expect(simulate({ seed: 1, trials: 5 }, broken(new Error('oops')))).rejects.toThrow('oops')
    const none = { attempt: async () => Promise.reject(new Fault('data_broken')) }
    await expect(simulate({ seed: 1, trials: 3 }, none)).rejects.toMatchObject({ code: 'data_broken' })
  })
})
