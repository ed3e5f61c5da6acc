/**
 * The server's events (GET /events) for all tabs of a browser: one of them holds the connection and tells the others,
 * since a browser opens no more than six to a server. It is reopened with growing waits for as long as it takes, and goes
 * on after the last event that was seen; where the server no longer knows what came since, the log is read again.
 */
import type { FeedbackEvent, PredictionEvent, SkippedEvent, StageEventBody } from '@barometer/wire'
import { backoffMs } from './backoff.ts'
import { alive } from './calls.ts'
import { whenLeader } from './leader.ts'
import { createStore, type Store } from './store.ts'

export type FeedState = 'off' | 'connecting' | 'live' | 'waiting'

export interface Listener {
  readonly prediction?: (event: PredictionEvent) => void
  readonly feedback?: (event: FeedbackEvent) => void
  readonly stage?: (event: StageEventBody) => void
  readonly skipped?: (event: SkippedEvent) => void
  /** Events may have been missed: what happened has to be read from the log. */
  readonly opened?: () => void
}

export interface Feed {
  readonly state: Store<FeedState>
  readonly listen: (listener: Listener) => () => void
  readonly open: () => () => void
}

const KINDS = ['prediction', 'feedback', 'stage', 'skipped'] as const
type Kind = (typeof KINDS)[number]

/** What the tabs tell each other. */
type Message =
  | { readonly kind: 'event'; readonly event: Kind; readonly id: string; readonly data: string }
  | { readonly kind: 'state'; readonly state: FeedState }
  /** Events may have been missed. */
  | { readonly kind: 'reset' }
  /** A new tab asks for the state. */
  | { readonly kind: 'hello' }

/** The server says something every 15 seconds; after so long without a word the connection is dead, as after a sleep. */
const SILENCE_MS = 40_000
const SILENCE_CHECK_MS = 5000
/**
 * A tab that is looked at and hears nothing from the one that leads at so many checks leads itself. Counted in checks, since
 * after a sleep, in which all tabs heard nothing, the one that leads shall have the time to connect again.
 */
const LEADER_SILENT_CHECKS = 12

export function createFeed(address: string): Feed {
  const state = createStore<FeedState>('off')
  const listeners = new Set<Listener>()
  /** Id of the newest event that this tab has seen; '' before the first. */
  let last = ''

  function take(message: Exclude<Message, { kind: 'hello' }>): void {
    switch (message.kind) {
      case 'state':
        state.set(message.state)
        // Tells `reach` whether it is only the stream or the whole server.
        if (message.state === 'waiting') alive().catch(() => undefined)
        return
      case 'reset':
        for (const listener of listeners) listener.opened?.()
        return
      case 'event': {
        const order = compareIds(last, message.id)
        if (order === 'seen') return
        if (message.id !== '') last = message.id
        const event = JSON.parse(message.data) as never // The kind says which of the wire's bodies it is.
        for (const listener of listeners) listener[message.event]?.(event)
        // A tab that slept may have missed what the others were told.
        if (order === 'gap') for (const listener of listeners) listener.opened?.()
        return
      }
      default:
        message satisfies never
    }
  }

  function open(): () => void {
    const tabs = new BroadcastChannel(`barometer ${address}`)
    let leads = false
    let silentChecks = 0

    function tell(message: Exclude<Message, { kind: 'hello' }>): void {
      take(message)
      tabs.postMessage(message)
    }

    tabs.addEventListener('message', ({ data }: MessageEvent<Message>) => {
      silentChecks = 0
      if (data.kind !== 'hello') take(data)
      else if (leads) tabs.postMessage({ kind: 'state', state: state.get() } satisfies Message)
    })
    state.set('connecting')
    tabs.postMessage({ kind: 'hello' } satisfies Message)
    const candidate = whenLeader(`barometer ${address}`, () => {
      leads = true
      const disconnect = connection(address, () => last, tell)
      return () => {
        leads = false
        disconnect()
      }
    })
    const check = setInterval(() => {
      silentChecks = leads || document.hidden ? 0 : silentChecks + 1
      if (silentChecks < LEADER_SILENT_CHECKS) return
      silentChecks = 0
      candidate.steal()
    }, SILENCE_CHECK_MS)
    return () => {
      clearInterval(check)
      candidate.leave()
      tabs.close()
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

/** Holds the connection until the function that it gives back is called. */
function connection(
  address: string,
  lastId: () => string,
  tell: (message: Exclude<Message, { kind: 'hello' }>) => void,
): () => void {
  let source: EventSource | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let attempt = 0
  let heardAt = Date.now()

  function connect(): void {
    const after = lastId()
    heardAt = Date.now()
    tell({ kind: 'state', state: 'connecting' })
    source = new EventSource(after === '' ? address : `${address}?${new URLSearchParams({ after })}`)
    source.addEventListener('open', () => {
      attempt = 0
      heardAt = Date.now()
      tell({ kind: 'state', state: 'live' })
      if (after === '') tell({ kind: 'reset' })
    })
    source.addEventListener('error', lost)
    source.addEventListener('heartbeat', () => {
      heardAt = Date.now()
      tell({ kind: 'state', state: 'live' }) // so that the others know that this tab lives
    })
    source.addEventListener('reset', () => tell({ kind: 'reset' }))
    for (const event of KINDS)
      source.addEventListener(event, ({ data, lastEventId: id }: MessageEvent<string>) => {
        heardAt = Date.now()
        tell({ kind: 'event', event, id, data })
      })
  }

  function lost(): void {
    // The browser's own reconnecting gives up on some answers; ours never does, and it waits longer each time.
    source?.close()
    source = null
    tell({ kind: 'state', state: 'waiting' })
    timer = setTimeout(connect, backoffMs(attempt++, Math.random()))
  }

  connect()
  const check = setInterval(() => {
    if (source !== null && Date.now() - heardAt > SILENCE_MS) lost()
  }, SILENCE_CHECK_MS)
  return () => {
    clearTimeout(timer)
    clearInterval(check)
    source?.close()
  }
}

/**
 * What an event is to a tab that saw the event `last`. Ids are EPOCH-NUMBER: one epoch for each start of a server, and
 * numbers without a gap.
 */
export function compareIds(last: string, id: string): 'next' | 'seen' | 'gap' {
  if (last === '' || id === '') return 'next'
  const [lastEpoch, lastNumber] = last.split('-')
  const [epoch, number] = id.split('-')
  // Of another epoch: the server said so before, by `reset`.
  if (epoch !== lastEpoch) return 'next'
  const step = Number(number) - Number(lastNumber)
  return step <= 0 ? 'seen' : step === 1 ? 'next' : 'gap'
}
