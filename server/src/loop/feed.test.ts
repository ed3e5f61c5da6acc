import * as fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Prediction } from '../domain/prediction.ts'
import { Feed, type FeedBatch } from './feed.ts'

const row: Prediction = {
  id: '019aa000-0000-7000-8000-000000000000',
  at: 1_800_000_000_000,
  task: 'sentiment',
  model: 'sentiment',
  version: 1,
  variant: 'champion',
  label: 'positive',
  confidence: 0.9,
  probabilities: [0.05, 0.05, 0.9],
  latencyMs: 0.1,
  drift: false,
  text: 'x'.repeat(1000),
  textHash: '0'.repeat(16),
  chars: 1000,
  tokens: 1,
  unknown: 0,
  source: null,
  callerId: null,
  keyId: 'secret-key-id',
}

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

test('a watcher gets what happened in order, ten times a second, and nothing after it left', () => {
  const feed = new Feed('e')
  const seen: FeedBatch[] = []
  const { leave } = feed.watch((batch) => seen.push(batch))
  feed.prediction(row)
  feed.feedback({ prediction_id: row.id, label: 'negative', correct: false })
  expect(seen).toEqual([])
  vi.advanceTimersByTime(100)
  expect(seen.map((batch) => batch.map(({ id, event }) => [id, event]))).toEqual([
    [
      ['e-1', 'prediction'],
      ['e-2', 'feedback'],
    ],
  ])
  leave()
  feed.prediction(row)
  vi.advanceTimersByTime(1000)
  expect(seen).toHaveLength(1)
})

test('what is shown is short and names no key', () => {
  const feed = new Feed('e')
  const seen: FeedBatch[] = []
  feed.watch((batch) => seen.push(batch))
  feed.prediction(row)
  vi.advanceTimersByTime(100)
  const body = JSON.stringify(seen[0][0].body)
  expect(body).not.toContain('secret-key-id')
  expect(body.length).toBeLessThan(700)
})

test('more than a person can read is counted, not sent', () => {
  const feed = new Feed('e')
  const seen: FeedBatch[] = []
  feed.watch((batch) => seen.push(batch))
  for (let i = 0; i < 10_000; i++) feed.prediction(row)
  vi.advanceTimersByTime(100)
  const skipped = seen[0].at(-1)
  expect(skipped).toMatchObject({ event: 'skipped', body: { predictions: 10_000 - (seen[0].length - 1) } })
  expect(seen[0].length).toBeLessThanOrEqual(51)
})

test('who comes back, or takes over, gets exactly what was sent after the last event that it knows', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 30 }),
      fc.nat(),
      fc.boolean(),
      (events, place, someoneStays) => {
        const feed = new Feed('e')
        const all: string[] = []
        const { leave } = feed.watch((batch) => all.push(...batch.map(({ id }) => id)))
        if (someoneStays) feed.watch(() => undefined)
        const known: string[] = []
        const leaveAt = place % (events.length + 1)
        for (const [i, count] of events.entries()) {
          if (i === leaveAt) {
            known.push(...all)
            leave()
          }
          for (let k = 0; k < count; k++) feed.feedback({ prediction_id: 'p', label: 'l', correct: true })
          if (i % 2 === 0) vi.advanceTimersByTime(100)
        }
        if (known.length === 0) return
        const got: string[] = []
        const back = feed.watch((batch) => got.push(...batch.map(({ id }) => id)), known.at(-1))
        got.push(...(back.missed ?? []).map(({ id }) => id))
        expect(back.missed).not.toBeNull()
        vi.advanceTimersByTime(100)
        const last = Number(known.at(-1)?.split('-')[1])
        const total = events.reduce((sum, count) => sum + count, 0)
        expect(got).toEqual(Array.from({ length: total - last }, (_, i) => `e-${last + 1 + i}`))
        feed.close()
      },
    ),
  )
})

test('what is not remembered says so: another process, too long ago, too much since, an id of no kind', () => {
  const feed = new Feed('e')
  const missed = (after: string) => {
    const { missed, leave } = feed.watch(() => undefined, after)
    leave()
    return missed
  }
  const { leave } = feed.watch(() => undefined)
  feed.stage({})
  vi.advanceTimersByTime(100)
  leave()
  expect(missed('e-1')).toEqual([])
  expect(missed('e-0')).toMatchObject([{ id: 'e-1' }])
  for (const id of ['f-1', 'e-2', 'e', 'e-x', '', 'e--1']) expect(missed(id)).toBeNull()
  vi.advanceTimersByTime(59_000)
  expect(feed.watched).toBe(true)
  vi.advanceTimersByTime(2000)
  expect(feed.watched).toBe(false)
  expect(missed('e-1')).toBeNull()

  feed.watch(() => undefined)
  feed.stage({})
  vi.advanceTimersByTime(100)
  const first = 'e-3'
  expect(missed(first)).toEqual([])
  for (let i = 0; i < 5000; i++) {
    feed.stage({})
    if (i % 50 === 0) vi.advanceTimersByTime(100)
  }
  vi.advanceTimersByTime(100)
  expect(missed(first)).toBeNull()
  expect(missed('e-5002')).toHaveLength(1)
})
