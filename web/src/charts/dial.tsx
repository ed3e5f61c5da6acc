import { signed, titled } from '../parts/format.ts'
import { look, readingOn } from '../parts/labels.ts'

const SWEEP_DEGREES = 130
const TICKS = 27

interface Props {
  readonly scale: readonly string[]
  readonly probabilities: Readonly<Record<string, number>> | null
}

/** The barometer itself: a needle between the ends of a scale. At rest it points up and is pale. */
export function Dial({ scale, probabilities }: Props) {
  const reading = probabilities ? readingOn(scale, probabilities) : 0
  const ends = [scale[0], scale[scale.length - 1]]
  const said = probabilities
    ? `Reading ${signed(reading)} on a scale from −1, ${ends[0]}, to +1, ${ends[1]}`
    : `No reading yet, on a scale from ${ends[0]} to ${ends[1]}`
  return (
    <figure className="w-full max-w-56" role="img" aria-label={said}>
      <svg viewBox="0 0 200 108" className="w-full" aria-hidden="true">
        {Array.from({ length: TICKS }, (_, i) => (
          <Tick key={i} at={(2 * i) / (TICKS - 1) - 1} scale={scale} major={i % 13 === 0} />
        ))}
        <g
          className={`transition-transform duration-300 ease-out ${probabilities ? 'opacity-100' : 'opacity-30'}`}
          style={{ transform: `rotate(${(reading * SWEEP_DEGREES) / 2}deg)`, transformOrigin: '100px 100px' }}
        >
          <path d="M97.6 100 L100 24 L102.4 100 Z" fill="var(--color-ink)" />
          <circle cx="100" cy="100" r="6" fill="var(--color-ink)" />
        </g>
      </svg>
      <figcaption className="flex justify-between text-xs text-soft" aria-hidden="true">
        <span>{titled(ends[0])}</span>
        <span className="text-ink">{probabilities ? signed(reading) : '·'}</span>
        <span>{titled(ends[1])}</span>
      </figcaption>
    </figure>
  )
}

/** A tick of the scale, in the tone of the label that it is nearest to. */
function Tick({ at, scale, major }: { at: number; scale: readonly string[]; major: boolean }) {
  const nearest = scale[Math.round(((at + 1) / 2) * (scale.length - 1))]
  return (
    <line
      className={`tone-${look(nearest, scale).tone}`}
      x1="100"
      x2="100"
      y1="6"
      y2={major ? 20 : 14}
      stroke="var(--tone)"
      strokeWidth={major ? 2.5 : 1.5}
      strokeLinecap="round"
      transform={`rotate(${(at * SWEEP_DEGREES) / 2} 100 100)`}
    />
  )
}
