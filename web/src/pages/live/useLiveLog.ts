/** The live log of the page: what the log holds for a filter, then what the stream brings. */

import type { FeedbackEvent, PredictionEvent } from '@barometer/wire'
import { useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useReducer, useRef, useState } from 'react'
import { predictions } from '../../api/calls.ts'
import type { Feed } from '../../api/feed.ts'
import { type Filter, passes, search } from './filter.ts'
import { createFrame } from './frame.ts'
import { arrive, emptyLog, fill, hold, type LiveLog, label, ROWS_MAX, release } from './liveLog.ts'
import { type Row, rowOfEvent, rowOfLogged } from './row.ts'

const PAGE_ROWS = 100

type Act =
  | { readonly kind: 'clear' }
  | { readonly kind: 'arrive' | 'fill'; readonly rows: readonly Row[] }
  | { readonly kind: 'label'; readonly event: FeedbackEvent }
  | { readonly kind: 'hold' | 'release' }

function reduce(log: LiveLog, act: Act): LiveLog {
  switch (act.kind) {
    case 'clear':
      return { ...emptyLog, held: log.held }
    case 'arrive':
      return arrive(log, act.rows)
    case 'fill':
      return fill(log, act.rows)
    case 'label':
      return label(log, act.event)
    case 'hold':
      return hold(log)
    case 'release':
      return release(log)
    default:
      throw act satisfies never
  }
}

export interface UseLiveLog {
  readonly log: LiveLog
  readonly reading: boolean
  readonly error: unknown
  /** Predictions that came too fast for this page; the log has them. */
  readonly skipped: number
  readonly more: (() => void) | null
  readonly hold: () => void
  readonly release: () => void
  readonly mark: (event: FeedbackEvent) => void
  readonly retry: () => void
}

export function useLiveLog(filter: Filter, feed: Feed): UseLiveLog {
  const client = useQueryClient()
  const [log, dispatch] = useReducer(reduce, emptyLog)
  const [reading, setReading] = useState(true)
  const [error, setError] = useState<unknown>(null)
  const [skipped, setSkipped] = useState(0)
  const [next, setNext] = useState<string | null>(null)
  const [attempt, setAttempt] = useState(0)
  const asked = useRef(0)

  /** Reads a page of the log; an answer to an older filter is dropped. */
  const read = useCallback(
    async (cursor: string | undefined, signal: AbortSignal) => {
      const mine = asked.current
      try {
        const page = await predictions(search(filter, PAGE_ROWS, cursor), signal)
        if (mine !== asked.current) return
        dispatch({ kind: 'fill', rows: page.predictions.map(rowOfLogged) })
        setNext((known) => (cursor === undefined && known !== null ? known : page.next))
        setError(null)
      } catch (fault) {
        if (!signal.aborted && mine === asked.current) setError(fault)
      } finally {
        if (mine === asked.current && !signal.aborted) setReading(false)
      }
    },
    [filter],
  )

  useEffect(() => {
    const abort = new AbortController()
    asked.current++
    dispatch({ kind: 'clear' })
    setNext(null)
    setReading(true)
    const frame = createFrame<PredictionEvent>(
      (events, dropped) => {
        dispatch({ kind: 'arrive', rows: events.map(rowOfEvent).filter((row) => passes(row, filter)) })
        if (dropped > 0) setSkipped((n) => n + dropped)
      },
      ROWS_MAX,
      // Called through an object, they would be told the wrong `this`.
      { next: (act) => requestAnimationFrame(act), cancel: (handle) => cancelAnimationFrame(handle) },
    )
    const unlisten = feed.listen({
      prediction: frame.push,
      feedback: (event) => {
        dispatch({ kind: 'label', event })
        void client.invalidateQueries({ queryKey: ['prediction', event.prediction_id] })
      },
      skipped: (event) => setSkipped((n) => n + event.predictions),
      opened: () => void read(undefined, abort.signal),
    })
    void read(undefined, abort.signal)
    return () => {
      abort.abort()
      unlisten()
      frame.stop()
    }
  }, [filter, feed, read, client, attempt])

  const mark = useCallback((event: FeedbackEvent) => dispatch({ kind: 'label', event }), [])
  return {
    log,
    reading,
    error,
    skipped,
    more: next !== null && log.rows.length < ROWS_MAX ? () => void read(next, new AbortController().signal) : null,
    hold: useCallback(() => dispatch({ kind: 'hold' }), []),
    release: useCallback(() => dispatch({ kind: 'release' }), []),
    mark,
    retry: () => setAttempt((n) => n + 1),
  }
}
