import type { StatsAnswer, StatsBucket } from '@barometer/wire'

const HOUR_MS = 3_600_000

/** The last `hours` hours without a gap, oldest first; the log keeps no bucket for an hour in which nothing came. */
export function hourSlots(stats: Pick<StatsAnswer, 'until' | 'hours'>, hours: number): StatsBucket[] {
  const known = new Map(stats.hours.map((bucket) => [Math.floor(Date.parse(bucket.hour) / HOUR_MS), bucket]))
  // `until` is exclusive: on the full hour it ends the hour before.
  const last = Math.ceil(Date.parse(stats.until) / HOUR_MS) - 1
  return Array.from({ length: hours }, (_, i) => {
    const hour = last - hours + 1 + i
    return known.get(hour) ?? nothing(new Date(hour * HOUR_MS).toISOString())
  })
}

function nothing(hour: string): StatsBucket {
  return { hour, predictions: 0, labels: {}, confidence: null, latency_ms: { p50: null, p95: null, p99: null } }
}

/** Labels in the order of their task; those that it does not know follow by name. */
export function ordered(
  entries: readonly (readonly [string, number])[],
  labels: readonly string[],
): [string, number][] {
  const rank = (label: string): number => {
    const index = labels.indexOf(label)
    return index < 0 ? labels.length : index
  }
  return entries
    .filter(([, rows]) => rows > 0)
    .map(([label, rows]): [string, number] => [label, rows])
    .sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

/** An hour as people name it: `Fri 14:00`. */
export function dayOf(hour: string): string {
  const at = new Date(hour)
  return `${DAYS[at.getDay()]} ${String(at.getHours()).padStart(2, '0')}:00`
}
