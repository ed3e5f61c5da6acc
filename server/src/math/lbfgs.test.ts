import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type LbfgsOptions, type LbfgsResult, lbfgs } from './lbfgs.ts'

function minimise(
  start: readonly number[],
  evaluate: (x: Float64Array, gradient: Float64Array) => number,
  options: Partial<LbfgsOptions> = {},
): LbfgsResult & { point: Float64Array } {
  const point = Float64Array.from(start)
  const gradient = new Float64Array(start.length)
  const solver = lbfgs(point, gradient, { stepsMax: 500, memory: 6, gradientMax: 1e-9, ...options })
  let ask = solver.next()
  while (!ask.done) ask = solver.next(ask.value.kind === 'evaluate' ? evaluate(point, gradient) : 0)
  return { ...ask.value, point }
}

test('finds the minimum of any well-conditioned quadratic', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.double({ min: 0.01, max: 100, noNaN: true }), fc.double({ min: -10, max: 10, noNaN: true })),
        { minLength: 1, maxLength: 30 },
      ),
      (terms) => {
        const { point, reason } = minimise(
          terms.map(() => 0),
          (x, g) => {
            let value = 0
            terms.forEach(([curvature, centre], i) => {
              g[i] = curvature * (x[i] - centre)
              value += (curvature * (x[i] - centre) ** 2) / 2
            })
            return value
          },
        )
        expect(reason).not.toBe('steps')
        terms.forEach(([, centre], i) => expect(point[i]).toBeCloseTo(centre, 4))
      },
    ),
  )
})

function rosenbrock(x: Float64Array, g: Float64Array): number {
  const [a, b] = x
  g[0] = -2 * (1 - a) - 400 * a * (b - a * a)
  g[1] = 200 * (b - a * a)
  return (1 - a) ** 2 + 100 * (b - a * a) ** 2
}

test('walks through the valley of Rosenbrock to (1, 1)', () => {
  const { point, reason } = minimise([-1.2, 1], rosenbrock)
  expect(reason).toBe('converged')
  expect(point[0]).toBeCloseTo(1, 6)
  expect(point[1]).toBeCloseTo(1, 6)
})

test('the true diagonal solves a badly scaled quadratic in a step or two', () => {
  const curvature = Float64Array.from({ length: 50 }, (_, i) => 10 ** (i / 6))
  const quadratic = (x: Float64Array, g: Float64Array): number => {
    let value = 0
    for (let i = 0; i < x.length; i++) {
      g[i] = curvature[i] * (x[i] - 1)
      value += (curvature[i] * (x[i] - 1) ** 2) / 2
    }
    return value
  }
  const start = Array.from(curvature, () => 0)
  const plain = minimise(start, quadratic, { gradientMax: 1e-6 })
  const helped = minimise(start, quadratic, { gradientMax: 1e-6, diagonal: curvature })
  expect(helped.steps).toBeLessThanOrEqual(2)
  expect(plain.steps).toBeGreaterThan(10)
})

test('stops at the number of steps it was given', () => {
  expect(minimise([-1.2, 1], rosenbrock, { stepsMax: 3 })).toMatchObject({ reason: 'steps', steps: 3 })
})

test('a start at the minimum takes no step', () => {
  expect(minimise([1, 1], rosenbrock)).toMatchObject({ reason: 'converged', steps: 0 })
})
