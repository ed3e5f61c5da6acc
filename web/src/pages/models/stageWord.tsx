import type { Stage } from '@barometer/wire'
import { titled } from '../../parts/format.ts'

const LOOKS = {
  production: { tone: 'good', path: 'M6 1a5 5 0 1 1 0 10A5 5 0 0 1 6 1Z', fill: true },
  staging: { tone: 'info', path: 'M6 1.6a4.4 4.4 0 1 1 0 8.8 4.4 4.4 0 0 1 0-8.8Z', fill: false },
  archived: { tone: 'quiet', path: 'M1.6 2.6h8.8M2.4 5h7.2v5H2.4Z', fill: false },
} as const

/** A stage as shape and word. */
export function StageWord({ stage }: { stage: Stage }) {
  const { tone, path, fill } = LOOKS[stage]
  return (
    <span className={`tone-${tone} inline-flex items-center gap-1.5 text-(--tone)`}>
      <svg viewBox="0 0 12 12" width="11" height="11" aria-hidden="true">
        <path d={path} fill={fill ? 'var(--tone)' : 'none'} stroke="var(--tone)" strokeWidth="1.4" />
      </svg>
      {titled(stage)}
    </span>
  )
}
