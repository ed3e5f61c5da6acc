import { titled } from './format.ts'
import { look, type Shape } from './labels.ts'

/** Outlines in a box of 12 by 12. */
const OUTLINES: Readonly<Record<Shape, string>> = {
  up: 'M6 1.5 11 10.5H1Z',
  down: 'M6 10.5 1 1.5h10Z',
  circle: 'M6 1.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9Z',
  ring: 'M6 1a5 5 0 1 1 0 10A5 5 0 0 1 6 1Zm0 2.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6Z',
  square: 'M2 2h8v8H2Z',
  diamond: 'M6 .7 11.3 6 6 11.3.7 6Z',
  cross: 'M4.3 1h3.4v3.3H11v3.4H7.7V11H4.3V7.7H1V4.3h3.3Z',
  hexagon: 'M6 .8 10.6 3.4v5.2L6 11.2 1.4 8.6V3.4Z',
  star: 'M6 .6 7.6 4.3l4 .4-3 2.7.9 4L6 9.3l-3.5 2.1.9-4-3-2.7 4-.4Z',
}

/** The shape of a label in its tone. It stands beside the word, which says the same. */
export function Mark({ label, labels, size = 12 }: { label: string; labels: readonly string[]; size?: number }) {
  const { tone, shape } = look(label, labels)
  return (
    <svg viewBox="0 0 12 12" width={size} height={size} aria-hidden="true" className={`tone-${tone} inline shrink-0`}>
      <path d={OUTLINES[shape]} fill="var(--tone)" fillRule="evenodd" />
    </svg>
  )
}

/** A label as people read it: shape and word. */
export function LabelWord({ label, labels }: { label: string; labels: readonly string[] }) {
  return (
    <span
      className={`tone-${look(label, labels).tone} inline-flex min-w-0 items-center gap-1.5 font-medium text-(--tone)`}
    >
      <Mark label={label} labels={labels} />
      <span className="truncate">{titled(label)}</span>
    </span>
  )
}
