import { useQuery } from '@tanstack/react-query'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import type { Feed } from '../../api/feed.ts'
import { predictionQuery } from '../../api/queries.ts'
import { Button, Key } from '../../parts/button.tsx'
import { count } from '../../parts/format.ts'
import { Empty, FaultNotice } from '../../parts/notice.tsx'
import { labelsOf, useTasks } from '../../parts/tasks.ts'
import { useMedia, useNow } from '../../state/hooks.ts'
import { useKeys } from '../../state/keys.ts'
import { go, hashOf, type Route } from '../../state/route.ts'
import { useMay } from '../../state/session.ts'
import { useTitle } from '../../state/title.ts'
import { Detail } from './detail.tsx'
import { type Filter, filterOf, queryOf } from './filter.ts'
import { FilterBar } from './filterBar.tsx'
import type { Row } from './row.ts'
import { RowLine } from './rowLine.tsx'
import { RowList, type RowListHandle } from './rowList.tsx'
import { Strip } from './strip.tsx'
import { useJudge } from './useJudge.ts'
import { useLiveLog } from './useLiveLog.ts'

const ROW_PX = 38
const ROW_PX_PHONE = 60

/** The log as it is written. It stands still while somebody reads in it, and says how much waits. */
export function LivePage({ route, feed }: { route: Route; feed: Feed }) {
  const tasks = useTasks()
  const may = useMay('predict')
  const wide = useMedia('(min-width: 48rem)')
  const now = useNow(60_000)
  const search = useRef<HTMLInputElement>(null)
  const list = useRef<RowListHandle>(null)
  const asked = JSON.stringify(route.query)
  const filter = useMemo(() => filterOf(JSON.parse(asked) as Record<string, string>), [asked]) // The route's own query.
  const live = useLiveLog(filter, feed)
  const { judge, pending, said, say, error } = useJudge(live.mark)
  const [paused, setPaused] = useState(false)
  const { rows, held, waitingCount } = live.log
  const chosen = route.path[0] ?? null
  const index = rows.findIndex((row) => row.id === chosen)
  const opened = useQuery({ ...predictionQuery(chosen ?? ''), enabled: chosen !== null })
  const { hold } = live
  useEffect(() => {
    if (chosen !== null) hold()
  }, [chosen, hold])
  useTitle(waitingCount > 0 ? `(${count(waitingCount)}) Live` : 'Live')

  const choose = useCallback(
    (id: string | null) => go(hashOf('live', id === null ? [] : [id], queryOf(filter)), true),
    [filter],
  )
  const resume = (): void => {
    setPaused(false)
    choose(null)
    live.release()
    list.current?.top()
  }
  const pause = (): void => {
    setPaused(true)
    live.hold()
  }
  const pick = (to: number): void => {
    say('')
    const row = rows[Math.min(rows.length - 1, Math.max(0, to))]
    if (!row) return
    live.hold()
    choose(row.id)
    list.current?.show(rows.indexOf(row))
  }
  const give = (id: string, label: string, before: string | null): void => {
    judge.give({ id, label, before })
    say(`${label}, sent in a moment. Press u to take it back.`)
  }
  const undo = (): void => {
    const undone = judge.undo()
    switch (undone.kind) {
      case 'cancelled':
        say(`Taken back: ${undone.judged.label} was not sent.`)
        break
      case 'restored':
        say(`Restored: ${undone.judged.before}.`)
        break
      case 'first':
        say('That label is saved already, and it was the first. Press another number to correct it.')
        break
      case 'nothing':
        say('There is nothing to take back.')
        break
      default:
        throw undone satisfies never
    }
  }
  const labelled = (n: number): void => {
    // A prediction that was opened by its address need not be among the rows.
    const row = rows[index] ?? opened.data
    const label = row && labelsOf(tasks, row.task)[n - 1]
    if (row && label !== undefined && may) give(row.id, label, row.feedback?.label ?? null)
  }

  useKeys({
    '/': () => search.current?.focus(),
    j: () => pick(index + 1),
    k: () => pick(index < 0 ? 0 : index - 1),
    p: () => (held ? resume() : pause()),
    u: undo,
    Escape: resume,
    ...Object.fromEntries(Array.from({ length: 9 }, (_, i) => [String(i + 1), () => labelled(i + 1)])),
  })

  const allLabels = useMemo(() => [...new Set(tasks.flatMap((t) => t.labels))], [tasks])
  const line = (row: Row) => (
    <RowLine
      row={row}
      labels={labelsOf(tasks, row.task)}
      now={now}
      wide={wide}
      chosen={row.id === chosen}
      pending={pending.get(row.id)}
    />
  )

  return (
    <div className="grid gap-4">
      <h1 className="sr-only">Live</h1>
      <Strip task={filter.task} labels={filter.task ? labelsOf(tasks, filter.task) : allLabels} />
      <FilterBar
        search={search}
        filter={filter}
        tasks={tasks}
        onFilter={(next: Filter) => go(hashOf('live', [], queryOf(next)), true)}
      />
      {error !== null && <FaultNotice error={error} />}
      <div className={`grid items-start gap-4 ${chosen === null ? '' : 'lg:grid-cols-[minmax(0,1fr)_23rem]'}`}>
        <div className="panel flex h-[max(22rem,calc(100dvh-21.5rem))] min-w-0 flex-col overflow-hidden">
          <div className="flex min-h-12 items-center justify-between gap-3 border-b border-line py-1.5 pr-2 pl-4 text-sm">
            <p className="min-w-0 truncate text-soft">
              <span aria-live="polite">{said}</span>
              {said === '' && <Standing held={held} rows={rows.length} skipped={live.skipped} />}
            </p>
            {held ? (
              <Button look={waitingCount > 0 ? 'main' : 'plain'} onClick={resume}>
                {waitingCount > 0 ? `Show ${count(waitingCount)} new` : 'Go on'} <Key hint>p</Key>
              </Button>
            ) : (
              <Button look="bare" onClick={pause}>
                Pause <Key hint>p</Key>
              </Button>
            )}
          </div>
          {live.error !== null && (
            <div className="p-3">
              <FaultNotice error={live.error} onRetry={live.retry} />
            </div>
          )}
          {rows.length === 0 && !live.reading && live.error === null ? (
            <Nothing filtered={Object.keys(queryOf(filter)).length > 0} />
          ) : (
            <RowList
              handle={list}
              rows={rows}
              rowPx={wide ? ROW_PX : ROW_PX_PHONE}
              chosen={chosen}
              onAway={(away) => {
                if (away) live.hold()
                else if (!paused && chosen === null) live.release()
              }}
              steps={{ ArrowDown: index + 1, ArrowUp: index < 0 ? 0 : index - 1, Home: 0, End: rows.length - 1 }}
              onPick={pick}
              onEnd={live.more}
              line={line}
            />
          )}
        </div>
        {chosen !== null && (
          <div className="panel max-lg:fixed max-lg:inset-x-0 max-lg:bottom-0 max-lg:z-10 max-lg:max-h-[62dvh] max-lg:rounded-b-none max-lg:shadow-2xl lg:h-[max(22rem,calc(100dvh-21.5rem))] overflow-y-auto">
            <Detail
              key={chosen}
              id={chosen}
              tasks={tasks}
              pending={pending.get(chosen)}
              onJudge={(label, before) => give(chosen, label, before)}
              onUndo={undo}
              onClose={resume}
            />
          </div>
        )}
      </div>
    </div>
  )
}

function Standing({ held, rows, skipped }: { held: boolean; rows: number; skipped: number }) {
  const tail = skipped > 0 ? ` · ${count(skipped)} came too fast to show; the log has them` : ''
  if (rows === 0) return 'Waiting for predictions'
  if (held) return `Standing still while you read${tail}`
  return `${rows === 1 ? 'The newest prediction' : `The newest ${count(rows)} predictions`}, as they come${tail}`
}

function Nothing({ filtered }: { filtered: boolean }) {
  if (filtered)
    return (
      <Empty title="Nothing matches">
        New predictions appear here as soon as one does. Clear the filter to see the others.
      </Empty>
    )
  return (
    <Empty title="No predictions yet">
      They appear here as they are made.{' '}
      <a className="text-accent underline underline-offset-2" href={hashOf('try')}>
        Try one
      </a>
      , or send one to <code className="font-mono">POST /predict</code>.
    </Empty>
  )
}
