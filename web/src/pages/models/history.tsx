import { useQuery } from '@tanstack/react-query'
import { useId } from 'react'
import { stageEventsQuery } from '../../api/queries.ts'
import { ago, dateTime } from '../../parts/format.ts'
import { FaultNotice } from '../../parts/notice.tsx'

/** Who changed what, when and why; newest first. The record only grows. */
export function History({ model, now }: { model: string; now: number }) {
  const heading = useId()
  const { data, error } = useQuery(stageEventsQuery(model))
  const events = data?.events ?? []
  return (
    <section aria-labelledby={heading} className="panel p-5">
      <h3 id={heading} className="mb-4 font-semibold">
        History
      </h3>
      {error && <FaultNotice error={error} />}
      <ol className="grid gap-0">
        {events.map((event) => (
          <li
            key={event.seq}
            className="relative border-l border-line pb-5 pl-5 text-sm last:border-transparent last:pb-0 before:absolute before:top-1.5 before:-left-[4.5px] before:size-2 before:rounded-full before:border before:border-edge before:bg-panel"
          >
            <p>
              <strong>{event.summary}</strong>
            </p>
            {event.why !== '' && <p className="mt-0.5 wrap-anywhere">“{event.why}”</p>}
            <p className="mt-0.5 text-xs text-soft">
              <time dateTime={event.at} title={dateTime(event.at)}>
                {ago(event.at, now)}
              </time>
              , by {event.who}
            </p>
          </li>
        ))}
      </ol>
    </section>
  )
}
