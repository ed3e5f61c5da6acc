import type { StatsAnswer, StatsBucket } from '@barometer/wire'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { statsQuery } from '../../api/queries.ts'
import { count, counted, milliseconds, percent, titled } from '../../parts/format.ts'
import { look } from '../../parts/labels.ts'
import { Mark } from '../../parts/mark.tsx'
import { dayOf, hourSlots, ordered } from './hours.ts'

const HOURS = 24
/** Enough for every task in the box; what a task has more of is summed up in words. */
const SHARES_MAX = 6

interface Props {
  readonly task: string
  readonly labels: readonly string[]
}

/** The last day on one strip: how much, of what, how sure, how fast; hour by hour below. */
export function Strip({ task, labels }: Props) {
  const { data } = useQuery(statsQuery(task, HOURS))
  const [at, setAt] = useState<number | null>(null)
  const slots = data ? hourSlots(data, HOURS) : []
  const picked = at === null ? null : (slots[at] ?? null)
  return (
    <section
      aria-label="The last 24 hours"
      className="panel grid gap-4 p-4 lg:grid-cols-[minmax(0,1fr)_minmax(0,1.1fr)] lg:gap-8"
    >
      <Figures data={data ?? null} picked={picked} labels={labels} />
      <Hours slots={slots} labels={labels} at={at} onAt={setAt} />
    </section>
  )
}

function Figures({
  data,
  picked,
  labels,
}: {
  data: StatsAnswer | null
  picked: StatsBucket | null
  labels: readonly string[]
}) {
  const shown = picked ?? data?.total
  const accuracy = data?.total.feedback.accuracy ?? null
  const shares =
    shown && shown.predictions > 0 ? ordered(Object.entries(shown.labels), labels).slice(0, SHARES_MAX) : []
  return (
    <div className="grid content-between gap-3">
      <p className="text-xs text-soft">{picked ? `${dayOf(picked.hour)}, one hour` : `The last ${HOURS} hours`}</p>
      <dl className="grid grid-cols-2 gap-x-4 gap-y-3 min-[28rem]:grid-cols-4">
        <Figure name="Predictions" value={shown ? count(shown.predictions) : '–'} />
        <Figure name="Confidence" value={shown?.confidence == null ? '–' : percent(shown.confidence, 0)} />
        <Figure name="p95" value={shown?.latency_ms.p95 == null ? '–' : milliseconds(shown.latency_ms.p95)} />
        <Figure
          name="Accuracy"
          value={accuracy === null ? '–' : percent(accuracy, 0)}
          title={
            accuracy === null
              ? 'No feedback yet'
              : `Of ${counted(data?.total.feedback.rows ?? 0, 'prediction')} with feedback, 24 h`
          }
        />
      </dl>
      <ul className="flex min-h-5 flex-wrap gap-x-4 gap-y-1 text-xs text-soft">
        {shares.map(([label, rows]) => (
          <li key={label} className="flex items-center gap-1.5">
            <Mark label={label} labels={labels} size={10} />
            {titled(label)} <span className="text-ink">{percent(rows / (shown?.predictions ?? 1), 0)}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}

function Figure({ name, value, title }: { name: string; value: string; title?: string }) {
  return (
    <div title={title}>
      <dt className="text-xs text-soft">{name}</dt>
      <dd className="text-xl font-semibold tracking-tight">{value}</dd>
    </div>
  )
}

interface HoursProps {
  readonly slots: readonly StatsBucket[]
  readonly labels: readonly string[]
  readonly at: number | null
  readonly onAt: (at: number | null) => void
}

/** A column an hour, stacked by label; the line above is the p95. Arrow keys go from hour to hour. */
function Hours({ slots, labels, at, onAt }: HoursProps) {
  const most = Math.max(1, ...slots.map((slot) => slot.predictions))
  const slowest = Math.max(0.01, ...slots.map((slot) => slot.latency_ms.p95 ?? 0))
  const step = (by: number): void => onAt(Math.min(HOURS - 1, Math.max(0, (at ?? HOURS) + by)))
  const said =
    at !== null && slots[at]
      ? `${dayOf(slots[at].hour)}: ${counted(slots[at].predictions, 'prediction')}`
      : 'none chosen'
  return (
    <div
      role="slider"
      tabIndex={0}
      aria-label="Hour of the last day"
      aria-valuemin={0}
      aria-valuemax={HOURS - 1}
      aria-valuenow={at ?? HOURS - 1}
      aria-valuetext={said}
      className="grid min-w-0 gap-1"
      onBlur={() => onAt(null)}
      onPointerLeave={() => onAt(null)}
      onKeyDown={(event) => {
        if (event.key === 'ArrowLeft') step(-1)
        else if (event.key === 'ArrowRight') step(1)
        else if (event.key === 'Escape') onAt(null)
        else return
        event.preventDefault()
      }}
    >
      <svg viewBox="0 0 240 14" preserveAspectRatio="none" className="h-4 w-full overflow-visible" aria-hidden="true">
        <path
          d={line(slots, slowest)}
          fill="none"
          stroke="var(--color-soft)"
          strokeWidth="1.5"
          strokeLinejoin="round"
          strokeLinecap="round"
          vectorEffect="non-scaling-stroke"
        />
      </svg>
      <div className="flex h-16 items-stretch gap-0.5">
        {Array.from({ length: HOURS }, (_, i) => (
          <div
            key={i}
            onPointerEnter={() => onAt(i)}
            className={`flex min-w-0 flex-1 flex-col justify-end rounded-sm ${i === at ? 'bg-well' : ''}`}
          >
            <Column slot={slots[i]} labels={labels} most={most} />
          </div>
        ))}
      </div>
      <div className="flex justify-between text-[11px] leading-4 text-soft" aria-hidden="true">
        <span>{slots[0] ? dayOf(slots[0].hour) : '24 h ago'}</span>
        <span>line: p95, at most {slots.length > 0 && slowest > 0.01 ? milliseconds(slowest) : '–'}</span>
        <span>now</span>
      </div>
    </div>
  )
}

function Column({ slot, labels, most }: { slot: StatsBucket | undefined; labels: readonly string[]; most: number }) {
  if (!slot || slot.predictions === 0) return <div className="h-px bg-line" />
  return ordered(Object.entries(slot.labels), labels).map(([label, rows]) => (
    <div
      key={label}
      className={`tone-${look(label, labels).tone} min-h-px bg-(--tone) opacity-85 first:rounded-t-[2px]`}
      style={{ height: `${(100 * rows) / most}%` }}
    />
  ))
}

/** The p95 of the hours that have one; an hour without predictions breaks the line, and one alone is a dash. */
function line(slots: readonly StatsBucket[], slowest: number): string {
  let pen = 'M'
  let path = ''
  slots.forEach((slot, i) => {
    const { p95 } = slot.latency_ms
    if (p95 === null) pen = 'M'
    else {
      const y = (13 - (12 * p95) / slowest).toFixed(2)
      const alone = pen === 'M' && (slots[i + 1]?.latency_ms.p95 ?? null) === null
      path += alone ? `M${10 * i + 2} ${y}h6` : `${pen}${10 * i + 5} ${y}`
      pen = 'L'
    }
  })
  return path
}
