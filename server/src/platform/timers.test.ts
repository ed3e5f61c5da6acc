import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { every } from './timers.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const never = (why: string) => expect.fail(why)

test('a round comes after each pause, the first one included', async () => {
  let rounds = 0
  const stop = every(100, async () => void rounds++, never)
  await vi.advanceTimersByTimeAsync(99)
  expect(rounds).toBe(0)
  await vi.advanceTimersByTimeAsync(1)
  expect(rounds).toBe(1)
  await vi.advanceTimersByTimeAsync(300)
  expect(rounds).toBe(4)
  await stop()
})

test('never two at once: the pause begins when a round is done', async () => {
  const starts: number[] = []
  const round = async () => {
    starts.push(Date.now())
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
  const began = Date.now()
  const stop = every(100, round, never)
  await vi.advanceTimersByTimeAsync(3500)
  expect(starts.map((at) => at - began)).toEqual([100, 1200, 2300, 3400])
  const stopped = stop()
  await vi.advanceTimersByTimeAsync(1000)
  await stopped
})

test('a round that fails is reported in its own words, and the next one comes', async () => {
  const said: string[] = []
  let rounds = 0
  const round = async () => {
    rounds++
    if (rounds === 1) throw new Error('the database is away')
    if (rounds === 2) throw 'something else'
  }
  const stop = every(10, round, (why) => said.push(why))
  await vi.advanceTimersByTimeAsync(30)
  expect(said).toEqual(['the database is away', 'something else'])
  expect(rounds).toBe(3)
  await stop()
})

test('who ends it waits for the round under way, and none comes after it', async () => {
  let done = 0
  const round = async () => {
    await new Promise((resolve) => setTimeout(resolve, 50))
    done++
  }
  const stop = every(10, round, never)
  await vi.advanceTimersByTimeAsync(10)
  let stopped = false
  void stop().then(() => (stopped = true))
  await vi.advanceTimersByTimeAsync(49)
  expect(stopped).toBe(false)
  await vi.advanceTimersByTimeAsync(1000)
  expect(stopped).toBe(true)
  expect(done).toBe(1)
})
