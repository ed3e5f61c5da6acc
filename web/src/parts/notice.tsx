import { type ReactNode } from 'react'
import { ApiFault } from '../api/fault.ts'

/** Something that did not work, in words and with its code. */
export function FaultNotice({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { words, code } = said(error)
  return (
    <div
      role="alert"
      className="tone-bad flex items-start gap-3 rounded-xl border border-(--tone)/40 bg-panel p-3.5 text-sm"
    >
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" className="mt-0.5 shrink-0">
        <path d="M5 1h6l4 4v6l-4 4H5l-4-4V5Z" fill="none" stroke="var(--tone)" strokeWidth="1.6" />
        <path d="M8 4.5v4M8 11v.2" stroke="var(--tone)" strokeWidth="1.8" strokeLinecap="round" />
      </svg>
      <div className="min-w-0">
        <p className="wrap-anywhere">{words}</p>
        <p className="mt-0.5 text-xs text-soft">
          Code <code className="font-mono">{code}</code>
          {error instanceof ApiFault && error.requestId && (
            <>
              {' '}
              · request <code className="font-mono wrap-anywhere">{error.requestId}</code>
            </>
          )}
        </p>
        {onRetry && (
          <button type="button" onClick={onRetry} className="mt-1.5 text-accent underline underline-offset-2">
            Try again
          </button>
        )}
      </div>
    </div>
  )
}

function said(error: unknown): { words: string; code: string } {
  if (!(error instanceof ApiFault))
    return { words: 'The page failed here.', code: error instanceof Error ? error.name : 'unknown' }
  const wait = error.retryAfterSeconds
  return { words: wait === undefined ? error.message : `${error.message} Try again in ${wait} s.`, code: error.code }
}

/** A place where nothing is yet, and what would put something there. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="grid justify-items-center gap-1.5 px-6 py-12 text-center">
      <svg viewBox="0 0 48 28" width="64" aria-hidden="true" className="mb-2 text-edge">
        <path
          d="M4 26a20 20 0 0 1 40 0"
          fill="none"
          stroke="currentColor"
          strokeWidth="2"
          strokeDasharray="1 5"
          strokeLinecap="round"
        />
        <path d="M24 24V13" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />
      </svg>
      <p className="font-medium">{title}</p>
      {children && <div className="max-w-md text-sm text-soft">{children}</div>}
    </div>
  )
}
