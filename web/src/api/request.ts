import { faultOf, unreachable } from './fault.ts'
import { createStore } from './store.ts'

/** Whether the last thing that we heard of the server was an answer. */
export const reach = createStore<'here' | 'gone'>('here')

/** Goes into `x-csrf-token` of every change; the session's answer brings it. Memory only: a new page asks again. */
let csrf: string | null = null
export function setCsrf(token: string | null): void {
  csrf = token
}

export interface Ask {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly body?: unknown
  readonly signal?: AbortSignal
  /** Let the request outlive the page. */
  readonly keepalive?: boolean
}

/** Asks the server that served this page. The answer's type is the wire's: page and server are built from the same one. */
export async function request<Answer>(path: string, ask: Ask = {}): Promise<Answer> {
  const method = ask.method ?? 'GET'
  const headers: Record<string, string> = { accept: 'application/json' }
  if (ask.body !== undefined) headers['content-type'] = 'application/json'
  if (method !== 'GET' && csrf !== null) headers['x-csrf-token'] = csrf
  let response: Response
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      cache: 'no-store',
      keepalive: ask.keepalive ?? false,
      ...(ask.body !== undefined && { body: JSON.stringify(ask.body) }),
      ...(ask.signal && { signal: ask.signal }),
    })
  } catch (error) {
    if (ask.signal?.aborted) throw error
    reach.set('gone')
    throw unreachable()
  }
  reach.set('here')
  if (response.status === 204) return undefined as Answer // The routes that answer 204 are asked for nothing.
  const body: unknown = await response.json().catch(() => null)
  if (!response.ok) throw faultOf(response.status, body, response.headers.get('retry-after'))
  return body as Answer // See above: one wire, both sides.
}
