import { percent, titled } from '../parts/format.ts'
import { look } from '../parts/labels.ts'
import { Mark } from '../parts/mark.tsx'

interface Props {
  readonly labels: readonly string[]
  /** Null while nothing is scored: the bars keep their place. */
  readonly probabilities: Readonly<Record<string, number>> | null
  readonly label: string | null
}

/** One bar a label, in the order of the model, so that a bar never changes its place. */
export function Bars({ labels, probabilities, label }: Props) {
  return (
    <ul className="grid gap-3" aria-label="Probability of each label">
      {labels.map((name) => {
        const share = probabilities?.[name] ?? 0
        return (
          <li key={name} className={`tone-${look(name, labels).tone}`}>
            <div className="mb-1 flex items-baseline justify-between gap-3 text-sm">
              <span className={`flex min-w-0 items-center gap-2 ${name === label ? 'font-semibold' : ''}`}>
                <Mark label={name} labels={labels} />
                <span className="truncate">{titled(name)}</span>
              </span>
              <span className="text-soft">{probabilities ? percent(share) : '–'}</span>
            </div>
            <div className="h-2 overflow-hidden rounded-full bg-well">
              <div
                className="h-full origin-left rounded-full bg-(--tone) transition-transform duration-200"
                style={{ transform: `scaleX(${share})` }}
              />
            </div>
          </li>
        )
      })}
    </ul>
  )
}
