import { memo } from 'react'
import { clock, percent, titled } from '../../parts/format.ts'
import { LabelWord } from '../../parts/mark.tsx'
import type { Row } from './row.ts'

interface Props {
  readonly row: Row
  readonly labels: readonly string[]
  readonly now: number
  readonly wide: boolean
  readonly chosen: boolean
  /** A label that waits to be sent. */
  readonly pending: string | undefined
}

/** One prediction on one line (two on a phone). Its height is fixed, so the list knows where every row stands. */
export const RowLine = memo(function RowLine({ row, labels, now, wide, chosen, pending }: Props) {
  const text = row.text ?? 'Text not kept'
  const frame = chosen ? 'bg-accent/12 shadow-[inset_3px_0_0_var(--color-accent)]' : 'hover:bg-well'
  if (!wide)
    return (
      <div className={`grid h-full grid-cols-[minmax(0,1fr)_auto] content-center gap-x-3 px-4 text-sm ${frame}`}>
        <span className="flex min-w-0 items-center gap-2">
          <LabelWord label={row.label} labels={labels} />
          <span className="text-soft">{percent(row.confidence, 0)}</span>
          <Judgement row={row} pending={pending} />
        </span>
        <time dateTime={row.at} className="text-xs leading-5 text-soft">
          {clock(row.at, now)}
        </time>
        <span className={`col-span-2 truncate ${row.text === null ? 'text-soft italic' : ''}`}>{text}</span>
      </div>
    )
  return (
    <div
      className={`grid h-full grid-cols-[4.75rem_7rem_3.75rem_minmax(0,1fr)_auto_4.5rem] items-center gap-3 px-4 text-sm ${frame}`}
    >
      <time dateTime={row.at} className="truncate text-soft">
        {clock(row.at, now)}
      </time>
      <LabelWord label={row.label} labels={labels} />
      <Confidence value={row.confidence} />
      <span className={`truncate ${row.text === null ? 'text-soft italic' : ''}`}>{text}</span>
      <span className="flex min-w-0 items-center gap-3 text-xs text-soft">
        <Judgement row={row} pending={pending} />
        {row.drift && <span title="The recent window has moved away from the reference">drift</span>}
      </span>
      <span className="truncate text-right text-xs text-soft">{row.source ?? ''}</span>
    </div>
  )
})

function Confidence({ value }: { value: number }) {
  return (
    <span className="grid gap-1 text-xs leading-none">
      {percent(value, 0)}
      <span className="h-0.5 overflow-hidden rounded-full bg-line" aria-hidden="true">
        <span className="block h-full origin-left bg-soft" style={{ transform: `scaleX(${value})` }} />
      </span>
    </span>
  )
}

/** What people said of it: right, wrong with the true label, or about to be said. */
function Judgement({ row, pending }: { row: Row; pending: string | undefined }) {
  if (pending !== undefined) return <span className="truncate text-xs text-accent">{titled(pending)}…</span>
  if (!row.feedback) return null
  return row.feedback.correct ? (
    <span className="tone-good truncate text-xs text-(--tone)">✓ right</span>
  ) : (
    <span className="tone-bad truncate text-xs text-(--tone)">✗ {row.feedback.label}</span>
  )
}
