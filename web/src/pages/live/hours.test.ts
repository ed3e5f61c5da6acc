import { expect, test } from 'vitest'
import { hourSlots, ordered } from './hours.ts'

const bucket = (hour: string, predictions: number) => ({
  hour,
  predictions,
  labels: { positive: predictions },
  confidence: 0.8,
  latency_ms: { p50: 0.2, p95: 0.5, p99: 0.9 },
})

test('the hours have no gap, and the running one is the last', () => {
  const slots = hourSlots(
    {
      until: '2026-11-20T12:34:00.000Z',
      hours: [bucket('2026-11-20T10:00:00.000Z', 4), bucket('2026-11-20T12:00:00.000Z', 7)],
    },
    4,
  )
  expect(slots.map((s) => [s.hour.slice(11, 13), s.predictions])).toEqual([
    ['09', 0],
    ['10', 4],
    ['11', 0],
    ['12', 7],
  ])
})

test('on the full hour the last slot is the hour that ended', () => {
  const slots = hourSlots({ until: '2026-11-20T12:00:00.000Z', hours: [] }, 2)
  expect(slots.map((s) => s.hour.slice(11, 13))).toEqual(['10', '11'])
})

test("labels come in their task's order, unknown ones last, empty ones not at all", () => {
  expect(
    ordered(
      [
        ['zeta', 1],
        ['positive', 2],
        ['alpha', 3],
        ['negative', 4],
        ['neutral', 0],
      ],
      ['negative', 'neutral', 'positive'],
    ),
  ).toEqual([
    ['negative', 4],
    ['positive', 2],
    ['alpha', 3],
    ['zeta', 1],
  ])
})
