import { useQuery, useQueryClient } from '@tanstack/react-query'
import { signOut } from '../api/calls.ts'
import type { FeedState } from '../api/feed.ts'
import { sessionQuery } from '../api/queries.ts'
import { useStore } from '../api/store.ts'
import { Button } from '../parts/button.tsx'
import { HalfDisc, Logo, Moon, Sun } from '../parts/icons.tsx'
import { hashOf, type Page } from '../state/route.ts'
import { theme, turnTheme } from './theme.ts'

const NAMES: Readonly<Record<Page, string>> = { try: 'Try it', live: 'Live', models: 'Models' }
const THEMES = { system: HalfDisc, light: Sun, dark: Moon } as const

interface Props {
  readonly page: Page
  readonly pages: readonly Page[]
  readonly feed: FeedState
  readonly onKeys: () => void
}

export function Header({ page, pages, feed, onKeys }: Props) {
  const chosen = useStore(theme)
  const ThemeIcon = THEMES[chosen]
  return (
    <header className="sticky top-0 z-20 border-b border-line bg-page/90 backdrop-blur-sm">
      <div className="mx-auto flex max-w-6xl flex-wrap items-center gap-x-6 px-4 sm:px-6">
        <a href={hashOf('try')} className="flex items-center gap-2.5 py-3 font-semibold tracking-tight">
          <Logo />
          Barometer
        </a>
        <nav aria-label="Pages" className="flex gap-1 self-stretch max-sm:order-last max-sm:w-full">
          {pages.map((name) => (
            <a
              key={name}
              href={hashOf(name)}
              aria-current={name === page ? 'page' : undefined}
              className="flex items-center border-b-2 border-transparent px-3 pt-0.5 pb-0 text-sm text-soft hover:text-ink aria-[current]:border-accent aria-[current]:font-medium aria-[current]:text-ink max-sm:flex-1 max-sm:justify-center max-sm:py-2"
            >
              {NAMES[name]}
            </a>
          ))}
        </nav>
        <div className="ml-auto flex items-center gap-1">
          <Connection state={feed} />
          <Account />
          <Button
            look="bare"
            className="w-9 px-0!"
            aria-label={`Theme: ${chosen}. Change it`}
            title={`Theme: ${chosen}`}
            onClick={turnTheme}
          >
            <ThemeIcon />
          </Button>
          <Button
            look="bare"
            className="w-9 px-0! text-base"
            aria-label="Keyboard shortcuts"
            title="Keyboard shortcuts"
            onClick={onKeys}
          >
            ?
          </Button>
        </div>
      </div>
    </header>
  )
}

const STATES: Readonly<Record<FeedState, { word: string; say: string }>> = {
  off: { word: '', say: '' },
  connecting: { word: 'Connecting', say: 'Opening the live stream' },
  live: { word: 'Connected', say: 'The live stream is open' },
  waiting: { word: 'Reconnecting', say: 'The live stream is down; it will be opened again' },
}

/** The stream's state as shape and word; its place is kept whatever it says. */
function Connection({ state }: { state: FeedState }) {
  const { word, say } = STATES[state]
  return (
    <span
      role="status"
      title={say}
      className={`tone-${state === 'live' ? 'good' : 'quiet'} mr-1 flex min-w-6 sm:min-w-28 items-center justify-end gap-2 text-xs text-soft`}
    >
      {word !== '' && (
        <>
          <svg viewBox="0 0 10 10" width="9" height="9" aria-hidden="true">
            <circle
              cx="5"
              cy="5"
              r="4"
              fill={state === 'live' ? 'var(--tone)' : 'none'}
              stroke="var(--tone)"
              strokeWidth="1.6"
            />
          </svg>
          <span className="max-sm:sr-only">{word}</span>
        </>
      )}
    </span>
  )
}

/** Who is signed in, where a key is needed. */
function Account() {
  const { data } = useQuery(sessionQuery)
  const client = useQueryClient()
  if (!data?.key_needed || !data.signed_in) return null
  return (
    <Button
      look="bare"
      title={`Signed in as ${data.name ?? 'a key'}, may ${data.scopes.join(', ')}`}
      onClick={() =>
        void signOut()
          .catch(() => undefined) // A session that is over already is what was asked for.
          .then(() => client.resetQueries())
      }
    >
      Sign out
    </Button>
  )
}
