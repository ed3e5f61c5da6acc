import { expect, test } from 'vitest'
import { ANOMALY, NORMAL, UNKNOWN } from '../../models/telemetry/history.ts'
import { detection, type ScoredSeries } from './detection.ts'

/** A minute a row; labels as letters: n normal, a anomaly, u unknown; scores as digits. */
function series(labels: string, scores: string, from = 0): ScoredSeries {
  const words = { n: NORMAL, a: ANOMALY, u: UNKNOWN }
  const label = Uint8Array.from(labels, (letter) => words[letter as keyof typeof words])
  return {
    history: {
      node: 'any',
      metrics: [],
      at: Float64Array.from(label, (_, i) => i * 60_000),
      values: new Float64Array(0),
      label,
      kind: label.map((each) => (each === ANOMALY ? 1 : 0)),
      kinds: ['spike'],
    },
    scores: Array.from(scores, Number),
    from,
  }
}

test('an event is found at its first alerting row, once, and not by an alert before it', () => {
  const found = detection([series('nnnaaaannnnnnnnn', '9000009900000000')], 5)
  expect(found).toMatchObject({ events: 1, eventRecall: 1, delaySeconds: 180, falseAlerts: 1 })
  expect(detection([series('nnaaann', '0000000')], 5)).toMatchObject({ events: 1, eventRecall: 0, delaySeconds: NaN })
})

test('rows less than five minutes apart are one alert; six minutes are two', () => {
  expect(detection([series('nnnnnnnnnnnn', '900009000000')], 5).falseAlerts).toBe(1)
  expect(detection([series('nnnnnnnnnnnn', '900000900000')], 5).falseAlerts).toBe(2)
})

test('an alert that touches an event or its aftermath is not false; one over normal rows alone is', () => {
  expect(detection([series('nnnaauuunnnn', '009999999000')], 5).falseAlerts).toBe(0)
  expect(detection([series('nnnnuuunnnnn', '000099900000')], 5).falseAlerts).toBe(0)
  expect(detection([series('nnnnnnnnnnnn', '000099900000')], 5).falseAlerts).toBe(1)
})

test('alerting all the time does not score well: an alert over normal rows counts again every hour', () => {
  const [day, event] = ['n'.repeat(24 * 60), 'a'.repeat(10)]
  const always = series(day + event + day, '9'.repeat(2 * 24 * 60 + 10))
  expect(detection([always], 5)).toMatchObject({ eventRecall: 1, falseAlerts: 47 })
})

test('a node that has not been watched for long enough neither alerts nor counts', () => {
  expect(detection([series('nannn', '99000', 2)], 5)).toMatchObject({ events: 0, falseAlerts: 0 })
})

test('a false alert in a week of normal rows is one in a node-week', () => {
  const week = 7 * 24 * 60 + 1
  const found = detection([series('n'.repeat(week), '9'.padEnd(week, '0'))], 5)
  expect(found.falseAlertsPerNodeWeek).toBeCloseTo(1, 9)
  expect(found.eventRecall).toBeNaN()
})

test('events of one kind can be asked for alone', () => {
  const one = series('nnaannnaan', '0099000000')
  expect(detection([one], 5, 0)).toMatchObject({ events: 2, eventRecall: 0.5 })
  expect(detection([one], 5, 1)).toMatchObject({ events: 0 })
})
