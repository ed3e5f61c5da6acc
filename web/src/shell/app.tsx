import { useQuery, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useEffect, useState } from 'react'
import { ApiFault } from '../api/fault.ts'
import type { Feed } from '../api/feed.ts'
import { sessionQuery } from '../api/queries.ts'
import { reach } from '../api/request.ts'
import { useStore } from '../api/store.ts'
import { TryPage } from '../pages/try/tryPage.tsx'
import { Boundary } from '../parts/boundary.tsx'
import { Empty, FaultNotice } from '../parts/notice.tsx'
import { useKeys } from '../state/keys.ts'
import { go, hashOf, type Page, useRoute } from '../state/route.ts'
import { useMay } from '../state/session.ts'
import { title } from '../state/title.ts'
import { showMood } from './favicon.ts'
import { GoneBanner } from './goneBanner.tsx'
import { Header } from './header.tsx'
import { KeysSheet } from './keysSheet.tsx'
import { SignIn } from './signIn.tsx'
import { turnTheme } from './theme.ts'

/** The first page comes with the shell; these two are fetched while one looks at it. */
const fetchLive = () => import('../pages/live/livePage.tsx')
const fetchModels = () => import('../pages/models/modelsPage.tsx')
const LivePage = lazy(async () => ({ default: (await fetchLive()).LivePage }))
const ModelsPage = lazy(async () => ({ default: (await fetchModels()).ModelsPage }))

export function App({ feed }: { feed: Feed }) {
  const session = useQuery(sessionQuery)
  if (session.data?.key_needed && !session.data.signed_in) return <SignIn />
  if (session.data) return <Shell feed={feed} />
  return (
    <main className="mx-auto max-w-lg px-4 py-20">
      {session.error && <FaultNotice error={session.error} onRetry={() => void session.refetch()} />}
      <GoneBanner />
    </main>
  )
}

function Shell({ feed }: { feed: Feed }) {
  const route = useRoute()
  const client = useQueryClient()
  const mayRead = useMay('read')
  const mayPredict = useMay('predict')
  const [keys, setKeys] = useState(false)
  const pages: readonly Page[] = [
    ...(mayPredict ? (['try'] as const) : []),
    ...(mayRead ? (['live', 'models'] as const) : []),
  ]
  const page = pages.includes(route.page) ? route.page : pages[0]
  const state = useStore(feed.state)
  useFeed(feed, mayRead)
  useFace(feed)
  useEffect(() => {
    if (mayRead) void Promise.all([fetchLive(), fetchModels()]).catch(() => undefined) // Asked for again when needed.
  }, [mayRead])
  useKeys({
    t: () => go(hashOf('try')),
    l: () => go(hashOf('live')),
    m: () => go(hashOf('models')),
    d: turnTheme,
    '?': () => setKeys(true),
  })
  return (
    <>
      <a
        href="#page"
        onClick={(event) => {
          event.preventDefault()
          document.getElementById('page')?.focus()
        }}
        className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-40 focus:rounded-lg focus:bg-panel focus:px-4 focus:py-2"
      >
        Skip to the page
      </a>
      <Header page={page ?? 'try'} pages={pages} feed={state} onKeys={() => setKeys(true)} />
      <main id="page" tabIndex={-1} className="mx-auto max-w-6xl px-4 pt-6 pb-10 outline-none sm:px-6">
        <Boundary
          of={page ?? ''}
          onFault={() => void client.resetQueries({ predicate: (query) => query.queryKey[0] !== 'session' })}
        >
          <Suspense>
            {page === 'try' && <TryPage />}
            {page === 'live' && <LivePage route={route} feed={feed} />}
            {page === 'models' && <ModelsPage route={route} />}
            {page === undefined && (
              <Empty title="This key opens nothing here">It has neither the scope “predict” nor “read”.</Empty>
            )}
          </Suspense>
        </Boundary>
      </main>
      <GoneBanner />
      {keys && <KeysSheet onClose={() => setKeys(false)} />}
    </>
  )
}

/** Keeps the stream open, and what it makes out of date is read again. */
function useFeed(feed: Feed, mayRead: boolean): void {
  const client = useQueryClient()
  useEffect(() => (mayRead ? feed.open() : undefined), [feed, mayRead])
  useEffect(
    () =>
      feed.listen({
        stage: () => {
          void client.invalidateQueries({ queryKey: ['models'] })
          void client.invalidateQueries({ queryKey: ['explain'] })
        },
      }),
    [feed, client],
  )
  useEffect(
    () =>
      // The stream ends with the session, too.
      feed.state.subscribe(() => {
        if (feed.state.get() === 'waiting') void client.invalidateQueries({ queryKey: sessionQuery.queryKey })
      }),
    [feed, client],
  )
  useEffect(
    () =>
      // A session that ended elsewhere ends here too.
      client.getQueryCache().subscribe(({ query }) => {
        const { error } = query.state
        if (error instanceof ApiFault && error.status === 401 && query.queryKey[0] !== 'session')
          void client.invalidateQueries({ queryKey: sessionQuery.queryKey })
      }),
    [client],
  )
}

/** How long after the last drifting prediction the tab's icon still leans. */
const UNEASY_MS = 60_000

/** The tab's title and icon. */
function useFace(feed: Feed): void {
  const words = useStore(title)
  const gone = useStore(reach) === 'gone'
  const [uneasy, setUneasy] = useState(false)
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const unlisten = feed.listen({
      prediction: ({ drift }) => {
        if (!drift) return
        setUneasy(true)
        clearTimeout(timer)
        timer = setTimeout(() => setUneasy(false), UNEASY_MS)
      },
    })
    return () => {
      clearTimeout(timer)
      unlisten()
    }
  }, [feed])
  useEffect(() => {
    document.title = gone ? 'No answer · Barometer' : words === '' ? 'Barometer' : `${words} · Barometer`
    showMood(gone ? 'away' : uneasy ? 'uneasy' : 'calm')
  }, [words, gone, uneasy])
}
