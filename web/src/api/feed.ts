/** The server's events (GET /events) for the whole page: one connection, reopened with growing waits for as long as it takes. */
import type { FeedbackEvent, PredictionEvent, SkippedEvent, StageEventBody } from '@barometer/wire'
import { backoffMs } from './backoff.ts'
import { alive } from './calls.ts'
import { createStore, type Store } from './store.ts'

export type FeedState = 'off' | 'connecting' | 'live' | 'waiting'

export interface Listener {
  readonly prediction?: (event: PredictionEvent) => void
  readonly feedback?: (event: FeedbackEvent) => void
  readonly stage?: (event: StageEventBody) => void
  readonly skipped?: (event: SkippedEvent) => void
  /** The connection stands (again): what happened in between has to be read from the log. */
  readonly opened?: () => void
}

export interface Feed {
  readonly state: Store<FeedState>
  readonly listen: (listener: Listener) => () => void
  readonly open: () => () => void
}

const KINDS = ['prediction', 'feedback', 'stage', 'skipped'] as const

export function createFeed(address: string): Feed {
  const state = createStore<FeedState>('off')
  const listeners = new Set<Listener>()

  function tell(kind: (typeof KINDS)[number], message: MessageEvent<string>): void {
    const event = JSON.parse(message.data) as never // The kind says which of the wire's bodies it is.
    for (const listener of listeners) listener[kind]?.(event)
  }

  function open(): () => void {
    let source: EventSource | null = null
    let timer: ReturnType<typeof setTimeout> | undefined
    let attempt = 0

    function connect(): void {
      state.set('connecting')
      source = new EventSource(address)
      source.addEventListener('open', () => {
        attempt = 0
        state.set('live')
        for (const listener of listeners) listener.opened?.()
      })
      source.addEventListener('error', () => {
        // The browser's own reconnecting gives up on some answers; ours never does, and it waits longer each time.
        source?.close()
        state.set('waiting')
        alive().catch(() => undefined) // Tells `reach` whether it is only the stream or the whole server.
        timer = setTimeout(connect, backoffMs(attempt++, Math.random()))
      })
      for (const kind of KINDS) source.addEventListener(kind, (message) => tell(kind, message))
    }

    connect()
    return () => {
      clearTimeout(timer)
      source?.close()
      state.set('off')
    }
  }

  return {
    state,
    open,
    listen: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
