import { signed } from '../../parts/format.ts'
import { look } from '../../parts/labels.ts'
import { type Axis, lean } from '../../parts/lean.ts'
import { Mark } from '../../parts/mark.tsx'
import { type Stretch, sides, toneOf } from '../../parts/painted.tsx'

/** A word or an n-gram, where it stands and what it adds, exactly. */
export interface Weighed extends Stretch {
  readonly contributions: readonly number[]
}

interface Shown {
  readonly text: string
  readonly contributions: readonly number[]
}

interface Props {
  readonly weighed: Shown | null
  readonly axis: Axis
  readonly labels: readonly string[]
}

/** Always two lines high, so that looking at a word moves nothing. */
export function Readout({ weighed, axis, labels }: Props) {
  return (
    <p id="readout" data-testid="readout" className="h-10 overflow-hidden text-sm leading-5">
      {weighed ? <Figures weighed={weighed} axis={axis} labels={labels} /> : <Legend axis={axis} labels={labels} />}
    </p>
  )
}

function Figures({ weighed, axis, labels }: { weighed: Shown; axis: Axis; labels: readonly string[] }) {
  const leaning = lean(weighed.contributions, axis)
  const [towards, away] = sides(axis, labels)
  return (
    <>
      <span className={`tone-${toneOf(leaning, axis, labels)}`}>
        <q className="font-medium">{shortened(weighed.text)}</q>{' '}
        <strong className="text-(--tone)">{signed(leaning)}</strong> towards {leaning >= 0 ? towards : away}
      </span>
      <br />
      <span className="text-soft">
        {labels.map((label, k) => `${label} ${signed(weighed.contributions[k])}`).join(' · ')}
      </span>
    </>
  )
}

function Legend({ axis, labels }: { axis: Axis; labels: readonly string[] }) {
  const [towards, away] = sides(axis, labels)
  return (
    <span className="text-soft">
      <Mark label={towards} labels={labels} size={10} />{' '}
      <span className={`lean tone-${look(towards, labels).tone} text-ink [--w:0.7]`}>{towards}</span> solid ·{' '}
      {axis.kind === 'polarity' && (
        <>
          <Mark label={away} labels={labels} size={10} />{' '}
        </>
      )}
      <span className={`lean lean-away tone-${toneOf(-1, axis, labels)} text-ink [--w:0.7]`}>{away}</span> dotted
      <br />
      Deeper is stronger. Point at a word.
    </span>
  )
}

function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text
}
