import type { HealthAnswer, StatsAnswer } from '@barometer/wire'
import { describe, expect, test } from 'vitest'
import { confidenceLevel, errorLevel, errorsIn, latencyLevel, snapshot } from './status.ts'

const health: HealthAnswer = { status: 'healthy', version: '0.1.0', uptime_seconds: 90, checks: [] }

function stats(predictions: number, confidence: number | null, p95: number | null): StatsAnswer {
  const latency = { p50: p95, p95, p99: p95 }
  return {
    since: '',
    until: '',
    hours: [],
    total: {
      predictions,
      labels: {},
      label_shares: { positive: 0.75, negative: 0.25 },
      confidence,
      latency_ms: latency,
      feedback: { rows: 0, correct: 0, accuracy: null },
    },
  }
}

describe('the thresholds', () => {
  test('confidence: over 80 %, 60 to 80 %, under 60 %', () => {
    expect([0.81, 0.8, 0.6, 0.599].map(confidenceLevel)).toEqual(['Healthy', 'Warning', 'Warning', 'Critical'])
  })

  test('p95: under 100 ms, 100 to 500 ms, over 500 ms', () => {
    expect([99.9, 100, 500, 500.1].map(latencyLevel)).toEqual(['Healthy', 'Warning', 'Warning', 'Critical'])
  })

  test('error rate: none, under 1 %, from 1 %', () => {
    expect([0, 0.0001, 0.0099, 0.01].map(errorLevel)).toEqual(['Healthy', 'Warning', 'Warning', 'Critical'])
  })
})

describe('the snapshot', () => {
  test('is as bad as its worst line', () => {
    const of = (confidence: number, p95: number, failed: number) =>
      snapshot('x', {
        health,
        models: { models: [] },
        stats: stats(10, confidence, p95),
        errors: { requests: 1000, failed },
      }).level
    expect(of(0.9, 5, 0)).toBe('Healthy')
    expect(of(0.7, 5, 0)).toBe('Warning')
    expect(of(0.7, 501, 0)).toBe('Critical')
    expect(of(0.9, 5, 10)).toBe('Critical')
  })

  test('a server without predictions is healthy: there is nothing to judge', () => {
    const seen = snapshot('x', {
      health,
      models: null,
      stats: stats(0, null, null),
      errors: { requests: 0, failed: 0 },
    })
    expect(seen.level).toBe('Healthy')
  })

  test('a check that fails is a line of its own', () => {
    const degraded: HealthAnswer = {
      ...health,
      status: 'degraded',
      checks: [{ name: 'database', ok: false, detail: 'the disk is full' }],
    }
    const seen = snapshot('x', { health: degraded, models: null, stats: null, errors: null })
    expect(seen.level).toBe('Warning')
    expect(seen.lines.find((line) => line.name.trim() === 'database')?.value).toBe('the disk is full')
  })

  test('what the key does not allow to see is said, not guessed', () => {
    const seen = snapshot('x', { health, models: null, stats: null, errors: null })
    expect(seen.lines.filter((line) => line.value === 'needs a key with the scope read')).toHaveLength(6)
  })
})

test('requests and failures are summed over all routes of the metrics', () => {
  const metrics = `# TYPE ml_requests_total counter
ml_requests_total{route="/predict"} 1200
ml_requests_total{route="/stats"} 3
ml_errors_total{route="/predict"} 6
ml_requests_total_created 5
ml_predictions_total{label="ml_errors_total"} 9
`
  expect(errorsIn(metrics)).toEqual({ requests: 1203, failed: 6 })
})
