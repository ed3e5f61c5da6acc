import { expect, test } from 'vitest'
import { seededRandom } from '../../math/random.ts'
import { tinyEncoder, wordTexts } from './fixtures.ts'
import { openLearner, tensorsOf } from './learner.ts'
import { layOut, type Parameters, scratchBytes } from './parameters.ts'
import type { Bucket } from './trainable.ts'

const trainable = tinyEncoder(1, 0)
const random = seededRandom(1)

/** Runs one batch after the other, and gives the gradients that are there at the end. */
async function gradientsOf(bucket: Bucket, batches: readonly Uint32Array[], accumulates: boolean, dropout = 0) {
  const step = await tinyEncoder(1, dropout).step(bucket)
  const names = new Set(trainable.parameters.map(({ name }) => name))
  const parameters = layOut(trainable.parameters, scratchBytes(tensorsOf(step, names)))
  const learner = await openLearner(step, parameters, accumulates, { threads: 1 })
  const losses: number[] = []
  for (const [turn, rows] of batches.entries()) {
    wordTexts(64, 1).examples.fill(rows, bucket, learner.feeds, random)
    losses.push(await learner.run({ seed: 1, step: 1, turn }))
  }
  await learner.close()
  return { losses, gradients: copied(parameters) }
}

function copied({ gradients }: Parameters): Map<string, Float32Array> {
  return new Map([...gradients].map(([name, values]) => [name, values.slice()]))
}

const rowsFrom = (from: number, count: number): Uint32Array => Uint32Array.from({ length: count }, (_, i) => from + i)

test('four batches that are summed where their gradients lie are one batch of four times the rows', async () => {
  const quarters = [0, 8, 16, 24].map((from) => rowsFrom(from, 8))
  const summed = await gradientsOf({ rows: 8, length: 16 }, quarters, true)
  const whole = await gradientsOf({ rows: 32, length: 16 }, [rowsFrom(0, 32)], false)
  expect(summed.losses.reduce((sum, loss) => sum + loss / 4, 0)).toBeCloseTo(whole.losses[0], 6)
  for (const [name, expected] of whole.gradients) {
    const seen = summed.gradients.get(name) ?? []
    const off = Math.hypot(...expected.map((value, i) => seen[i] / 4 - value))
    // Of the keys' bias the gradient is truly zero, so the size is that of a typical gradient.
    expect(off / Math.max(1e-3, Math.hypot(...expected)), name).toBeLessThan(1e-5)
  }
})

test('a batch leaves nothing behind for the next one', async () => {
  const [first, second] = [rowsFrom(0, 8), rowsFrom(8, 8)]
  const alone = await gradientsOf({ rows: 8, length: 16 }, [second], false)
  const after = await gradientsOf({ rows: 8, length: 16 }, [first, second], false)
  expect(after.gradients).toEqual(alone.gradients)
})

test('rows that are missing weigh nothing', async () => {
  const five = await gradientsOf({ rows: 5, length: 16 }, [rowsFrom(0, 5)], false)
  const padded = await gradientsOf({ rows: 8, length: 16 }, [rowsFrom(0, 5)], false)
  expect(padded.losses[0]).toBeCloseTo(five.losses[0], 6)
  for (const [name, expected] of five.gradients) {
    const seen = padded.gradients.get(name) ?? []
    const off = Math.hypot(...expected.map((value, i) => seen[i] - value))
    expect(off / Math.max(1e-3, Math.hypot(...expected)), name).toBeLessThan(1e-5)
  }
})

test('dropout is another in each turn and the same for the same turn', async () => {
  const same = rowsFrom(0, 8)
  const { losses } = await gradientsOf({ rows: 8, length: 16 }, [same, same], false, 0.3)
  expect(losses[0]).not.toBe(losses[1])
  expect((await gradientsOf({ rows: 8, length: 16 }, [same, same], false, 0.3)).losses).toEqual(losses)
})
