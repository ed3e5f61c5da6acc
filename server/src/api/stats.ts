/** GET /stats: hour buckets from the roll-ups. */
import { FaultBody, type LatencyBody, StatsAnswer, StatsQuery } from '@barometer/wire'
import { Fault } from '../domain/faults.ts'
import { type LatencySketch, latencyQuantile, mergeSketches } from '../domain/latencySketch.ts'
import { HOUR_MS } from '../domain/time.ts'
import type { HourStats } from '../store/store.ts'
import type { Api, ApiNeeds } from './context.ts'

const DEFAULT_HOURS = 24
/** A year of hours: 8,784 buckets. */
const HOURS_MAX = 366 * 24

export function statsRoutes(app: Api, { store, now }: ApiNeeds): void {
  app.get(
    '/stats',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getStats',
        summary:
          'Counts, label shares, confidence and latency by hour; the last 24 hours unless since and until say otherwise',
        tags: ['log'],
        querystring: StatsQuery,
        response: { 200: StatsAnswer, '4xx': FaultBody, '5xx': FaultBody },
      },
    },
    async (request) => {
      const { since, until, ...of } = request.query
      const end = until === undefined ? now() : Date.parse(until)
      const start = since === undefined ? end - DEFAULT_HOURS * HOUR_MS : Date.parse(since)
      if (start > end) throw new Fault('bad_request', { say: '`since` is after `until`.' })
      if (end - start > HOURS_MAX * HOUR_MS)
        throw new Fault('bad_request', { say: `At most ${HOURS_MAX} hours are shown at once.` })
      const hours = await store.log.hours({
        ...(of.task === undefined ? {} : { task: of.task }),
        ...(of.model === undefined ? {} : { model: of.model }),
        ...(of.version === undefined ? {} : { version: of.version }),
        since: start,
        until: end,
      })
      return {
        since: new Date(start).toISOString(),
        until: new Date(end).toISOString(),
        total: totalOf(hours),
        hours: hours.map((hour) => ({
          hour: new Date(hour.hour).toISOString(),
          predictions: hour.rows,
          labels: { ...hour.labels },
          confidence: meanConfidence(hour.confidenceSum, hour.rows),
          latency_ms: latencyOf(hour.latency),
        })),
      }
    },
  )
}

function totalOf(hours: readonly HourStats[]): StatsAnswer['total'] {
  const labels = Object.create(null) as Record<string, number> // without a prototype, so that any label is only a label
  let rows = 0
  let confidenceSum = 0
  let feedbackRows = 0
  let correct = 0
  for (const hour of hours) {
    for (const [label, count] of Object.entries(hour.labels)) labels[label] = (labels[label] ?? 0) + count
    rows += hour.rows
    confidenceSum += hour.confidenceSum
    feedbackRows += hour.feedbackRows
    correct += hour.feedbackCorrect
  }
  return {
    predictions: rows,
    labels,
    label_shares: Object.fromEntries(Object.entries(labels).map(([label, count]) => [label, count / rows])),
    confidence: meanConfidence(confidenceSum, rows),
    latency_ms: latencyOf(mergeSketches(hours.map((hour) => hour.latency))),
    feedback: { rows: feedbackRows, correct, accuracy: feedbackRows === 0 ? null : correct / feedbackRows },
  }
}

function meanConfidence(sum: number, rows: number): number | null {
  return rows === 0 ? null : Math.min(1, sum / rows)
}

function latencyOf(sketch: LatencySketch): LatencyBody {
  return { p50: latencyQuantile(sketch, 0.5), p95: latencyQuantile(sketch, 0.95), p99: latencyQuantile(sketch, 0.99) }
}
