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
  const feed = new Feed()
  const seen: FeedBatch[] = []
  const leave = feed.watch((batch) => seen.push(batch))
  feed.prediction(row)
  feed.feedback({ prediction_id: row.id, label: 'negative', correct: false })
  expect(seen).toEqual([])
  vi.advanceTimersByTime(100)
  expect(seen.map((batch) => batch.events.map((event) => event.event))).toEqual([['prediction', 'feedback']])
  leave()
  feed.prediction(row)
  vi.advanceTimersByTime(1000)
  expect(seen).toHaveLength(1)
})

test('what is shown is short and names no key', () => {
  const feed = new Feed()
  const seen: FeedBatch[] = []
  feed.watch((batch) => seen.push(batch))
  feed.prediction(row)
  vi.advanceTimersByTime(100)
  const body = JSON.stringify(seen[0].events[0].body)
  expect(body).not.toContain('secret-key-id')
  expect(body.length).toBeLessThan(700)
})

test('more than a person can read is counted, not sent', () => {
  const feed = new Feed()
  const seen: FeedBatch[] = []
  feed.watch((batch) => seen.push(batch))
  for (let i = 0; i < 10_000; i++) feed.prediction(row)
  vi.advanceTimersByTime(100)
  expect(seen[0].events.length + seen[0].skipped).toBe(10_000)
  expect(seen[0].events.length).toBeLessThanOrEqual(50)
})
