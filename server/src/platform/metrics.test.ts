import { expect, test } from 'vitest'
import { Metrics } from './metrics.ts'

const version = { task: 'sentiment', name: 'sentiment', number: 3, labels: ['negative', 'neutral', 'positive'] }

const storeFailures = () => ({ counts: { store_unavailable: 2 }, damaged: false })
const make = () =>
  new Metrics({
    journalDepth: () => 7,
    connections: () => ({ open: 5, idle: 2, waiting: 1 }),
    serving: () => [version],
    scoringDepth: () => 3,
    storeFailures,
  })

test('the reference pipeline’s names and labels exist before the first prediction', async () => {
  const metrics = make()
  metrics.route('/predict')
  metrics.tally(version)
  const text = await metrics.registry.metrics()
  expect(text).toContain('ml_predictions_total{')
  expect(text).toMatch(/ml_predictions_total\{.*sentiment="POSITIVE".*\} 0/)
  expect(text).toContain('ml_requests_total{route="/predict"} 0')
  expect(text).toContain('ml_errors_total{route="/predict"} 0')
  expect(text).toContain('ml_journal_rows_waiting 7')
  expect(text).toContain('ml_model_info{task="sentiment",model="sentiment",version="3"} 1')
})

test('a prediction is counted under its label, its duration and its confidence', async () => {
  const metrics = make()
  const tally = metrics.tally(version)
  tally.predicted(2, 0.9, false, 0.0004)
  tally.predicted(2, 0.7, true, 0.02)
  const text = await metrics.registry.metrics()
  expect(text).toMatch(/ml_predictions_total\{.*label="positive".*\} 2/)
  expect(text).toMatch(/ml_prediction_duration_seconds_bucket\{le="0.0005",.*\} 1/)
  expect(text).toMatch(/ml_prediction_duration_seconds_count\{.*\} 2/)
  expect(text).toMatch(/ml_confidence_score\{.*\} 0.8/)
  expect(text).toMatch(/ml_drift_detected\{.*\} 1/)
})

test('the confidence is the mean of the newest thousand', async () => {
  const metrics = make()
  const tally = metrics.tally(version)
  for (let i = 0; i < 1000; i++) tally.predicted(0, 0.25, false, 0.001)
  for (let i = 0; i < 1000; i++) tally.predicted(0, 0.75, false, 0.001)
  expect(await metrics.registry.getSingleMetricAsString('ml_confidence_score')).toMatch(/\} 0\.75/)
})

test('a version that returns continues its counters', async () => {
  const metrics = make()
  metrics.tally(version).predicted(0, 0.5, false, 0.001)
  metrics.tally({ ...version }).predicted(0, 0.5, false, 0.001)
  expect(await metrics.registry.getSingleMetricAsString('ml_predictions_total')).toMatch(/label="negative".*\} 2/)
})

test('a cascade shows how many texts each of its parts has answered', async () => {
  const shares = { linear: 3, transformer: 1 }
  const cascade = { ...version, model: { labels: version.labels, shares } }
  const metrics = new Metrics({
    journalDepth: () => 0,
    connections: () => null,
    serving: () => [cascade],
    scoringDepth: () => 0,
    storeFailures,
  })
  await metrics.registry.metrics()
  shares.linear++
  const text = await metrics.registry.metrics()
  expect(text).toMatch(/ml_cascade_answers_total\{.*part="linear"\} 4/)
  expect(text).toMatch(/ml_cascade_answers_total\{.*part="transformer"\} 1/)
})
