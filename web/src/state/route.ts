/** The page's own addresses. They live behind `#`, so that they never meet the API's (`/models` is an answer, `#/models` a view). */
import { useMemo, useSyncExternalStore } from 'react'

export const pages = ['try', 'live', 'models'] as const
export type Page = (typeof pages)[number]

export interface Route {
  readonly page: Page
  /** What follows the page: a prediction's id, or a model and a version. */
  readonly path: readonly string[]
  readonly query: Readonly<Record<string, string>>
}

export function parseRoute(hash: string): Route {
  const [address, search = ''] = hash.replace(/^#?\/?/, '').split('?', 2)
  const [first, ...path] = address.split('/').filter(Boolean).map(decoded)
  return {
    page: pages.find((p) => p === first) ?? 'try',
    path,
    query: Object.fromEntries(new URLSearchParams(search)),
  }
}

export function hashOf(page: Page, path: readonly string[] = [], query: Readonly<Record<string, string>> = {}): string {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString()
  return `#/${[page, ...path.map(encodeURIComponent)].join('/')}${search && `?${search}`}`
}

/** A link that somebody cut short must not break the page. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

function subscribe(listener: () => void): () => void {
  addEventListener('hashchange', listener)
  return () => removeEventListener('hashchange', listener)
}

export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash)
  return useMemo(() => parseRoute(hash), [hash])
}

/** Goes there; `replace` leaves no step in the browser's history. */
export function go(hash: string, replace = false): void {
  if (replace) {
    history.replaceState(null, '', hash)
    dispatchEvent(new HashChangeEvent('hashchange'))
  } else location.hash = hash
}
