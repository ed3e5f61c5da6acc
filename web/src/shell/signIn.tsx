import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { signIn } from '../api/calls.ts'
import { sessionQuery } from '../api/queries.ts'
import { Button } from '../parts/button.tsx'
import { Logo } from '../parts/icons.tsx'
import { FaultNotice } from '../parts/notice.tsx'

const KEY_CHARS_MAX = 200

/** The key goes to the server once and comes back as a cookie that no script can read; the page keeps nothing of it. */
export function SignIn() {
  const client = useQueryClient()
  const [key, setKey] = useState('')
  const entering = useMutation({
    mutationFn: () => signIn(key.trim()),
    onSuccess: (session) => {
      setKey('')
      client.setQueryData(sessionQuery.queryKey, session)
      void client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== 'session' })
    },
  })
  return (
    <main className="grid min-h-dvh place-items-center px-4 py-10">
      <form
        className="panel grid w-full max-w-sm gap-5 p-7"
        onSubmit={(event) => {
          event.preventDefault()
          if (key.trim() !== '') entering.mutate()
        }}
      >
        <div className="flex items-center gap-2.5 text-lg font-semibold tracking-tight">
          <Logo />
          <h1>Barometer</h1>
        </div>
        <label className="grid gap-1.5 text-sm">
          API key
          <input
            type="password"
            value={key}
            onChange={(event) => setKey(event.target.value)}
            required
            autoFocus
            maxLength={KEY_CHARS_MAX}
            autoComplete="current-password"
            spellCheck={false}
            className="h-10 rounded-lg border border-edge/60 bg-panel px-3 font-mono"
          />
        </label>
        {entering.error && <FaultNotice error={entering.error} />}
        <Button type="submit" look="main" className="min-h-10" disabled={key.trim() === '' || entering.isPending}>
          Sign in
        </Button>
        <p className="text-xs leading-relaxed text-soft">
          This server answers to keys only. Whoever runs it makes one with{' '}
          <code className="font-mono text-ink">barometer keys create</code>.
        </p>
      </form>
    </main>
  )
}
