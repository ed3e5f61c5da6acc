import { useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { backoffMs } from '../api/backoff.ts'
import { alive } from '../api/calls.ts'
import { reach } from '../api/request.ts'
import { useStore } from '../api/store.ts'

/** Says that the server is gone, asks for it until it is back, and then reads everything anew. It floats, so nothing moves. */
export function GoneBanner() {
  const client = useQueryClient()
  const gone = useStore(reach) === 'gone'
  useEffect(() => {
    if (!gone) return undefined
    let timer: ReturnType<typeof setTimeout>
    let attempt = 0
    const ask = (): void => {
      timer = setTimeout(() => void alive().catch(ask), backoffMs(attempt++, Math.random()))
    }
    ask()
    return () => {
      clearTimeout(timer)
      void client.invalidateQueries()
    }
  }, [gone, client])
  return (
    <div role="status" className="pointer-events-none fixed inset-x-0 bottom-4 z-30 flex justify-center px-4">
      {gone && (
        <p className="pointer-events-auto flex items-center gap-3 rounded-full border border-line bg-panel px-5 py-2.5 text-sm shadow-xl">
          <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" className="tone-warn">
            <circle cx="6" cy="6" r="5" fill="none" stroke="var(--tone)" strokeWidth="1.6" strokeDasharray="2 2" />
          </svg>
          The server does not answer. This page comes back by itself.
        </p>
      )}
    </div>
  )
}
