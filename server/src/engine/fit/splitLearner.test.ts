import { expect, test } from 'vitest'
import { seededRandom } from '../../math/random.ts'
import { lstmClassifier } from '../nn/lstm.ts'
import { type Feeds, floats } from './examples.ts'
import { openLearner, tensorsOf } from './learner.ts'
import { layOut, type Parameters, scratchBytes } from './parameters.ts'
import { openSplitLearner, splitTensorsOf } from './splitLearner.ts'

const config = { features: 3, units: 5, layers: 2, hidden: 4, dropout: 0 }
const [rows, length] = [6, 4]

/** The losses of some batches, and the gradients at the end, over so many threads. */
async function learned(parts: number, batches: readonly (readonly number[])[], accumulates = false, dropout = 0) {
  const trainable = lstmClassifier({ ...config, dropout }, { seed: 2 })
  const step = await trainable.step({ rows: rows / parts, length })
  const names = new Set(trainable.parameters.map(({ name }) => name))
  const tensors = parts === 1 ? tensorsOf(step, names) : splitTensorsOf(step, parts, names)
  const parameters = layOut(trainable.parameters, scratchBytes(tensors))
  const learner = await (parts === 1
    ? openLearner(step, parameters, accumulates, { threads: 1 })
    : openSplitLearner(step, parts, parameters, accumulates, { threads: 1 }))
  const losses: number[] = []
  for (const [turn, weights] of batches.entries()) {
    fill(learner.feeds, turn, weights)
    losses.push(await learner.run({ seed: 1, step: 1, turn }))
  }
  await learner.close()
  return { losses, gradients: copied(parameters) }
}

function fill(feeds: Feeds, seed: number, weights: readonly number[]): void {
  const random = seededRandom(seed)
  floats(feeds, 'window').forEach((_, i, values) => (values[i] = 2 * random() - 1))
  floats(feeds, 'targets').forEach((_, i, values) => (values[i] = i % 2))
  floats(feeds, 'row_weights').set(weights)
}

const copied = ({ gradients }: Parameters) => new Map([...gradients].map(([name, values]) => [name, values.slice()]))

async function agree(batches: readonly (readonly number[])[], accumulates = false): Promise<void> {
  const whole = await learned(1, batches, accumulates)
  for (const parts of [2, 3]) {
    const split = await learned(parts, batches, accumulates)
    split.losses.forEach((loss, i) => expect(loss).toBeCloseTo(whole.losses[i], 6))
    for (const [name, expected] of whole.gradients) {
      const off = split.gradients.get(name)?.map((x, i) => x - expected[i]) ?? []
      expect(Math.hypot(...off) / Math.hypot(...expected), name).toBeLessThan(1e-5)
    }
  }
}

test('the rows of a batch shared out to threads give the loss and the gradients of the whole batch', () =>
  agree([[1, 1, 1, 1, 1, 1]]))

test('rows of unequal weight count as they do in the whole batch, also where a part weighs nothing', () =>
  agree([[2, 0.5, 1, 0.25, 0, 0]]))

test('batches add up where they are to be added up', () =>
  agree(
    [
      [1, 1, 1, 1, 1, 1],
      [1, 1, 1, 1, 0, 0],
    ],
    true,
  ))

test('each part has dropout of its own, and the same again for the same seed', async () => {
  const batch = [[1, 1, 1, 1, 1, 1]]
  const [once, again, without] = [
    await learned(2, batch, false, 0.5),
    await learned(2, batch, false, 0.5),
    await learned(2, batch),
  ]
  expect(once.gradients).toEqual(again.gradients)
  expect(once.losses[0]).not.toBeCloseTo(without.losses[0], 6)
})
