import type { ExplanationBody } from '@barometer/wire'
import { signed, titled } from '../../parts/format.ts'
import { type Axis, lean } from '../../parts/lean.ts'
import { sides, toneOf } from '../../parts/painted.tsx'
import type { Weighed } from './readout.tsx'

const ROWS_MAX = 12
/** Less than this would be shown as 0.00. */
const LEAN_MIN = 0.005

interface Props {
  readonly explanation: ExplanationBody | null
  readonly axis: Axis
  readonly labels: readonly string[]
  readonly onLit: (weighed: Weighed | null) => void
}

/** The n-grams that moved the answer most, strongest first, each with its exact weight and its place in the text. */
export function Ngrams({ explanation, axis, labels, onLit }: Props) {
  const pull = (row: { contributions: readonly number[] }): number => Math.abs(lean(row.contributions, axis))
  const rows = (explanation?.features ?? [])
    .filter((row) => pull(row) >= LEAN_MIN)
    .sort((a, b) => pull(b) - pull(a))
    .slice(0, ROWS_MAX)
  const full = Math.max(LEAN_MIN, ...rows.map(pull))
  const [towards, away] = sides(axis, labels)
  if (rows.length === 0) return null
  return (
    <section aria-labelledby="ngrams" className="panel overflow-hidden">
      <div className="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1 px-5 pt-4 pb-2">
        <h2 id="ngrams" className="font-semibold">
          Strongest n-grams
        </h2>
        <p className="text-xs text-soft">
          Contribution to the logits: {towards} right, {away} left
        </p>
      </div>
      <div className="overflow-x-auto">
        <table className="w-full text-sm">
          <thead className="text-left text-xs text-soft">
            <tr>
              <th scope="col" className="py-2 pl-5 font-medium">
                N-gram
              </th>
              <th scope="col" className="w-3/5 px-3 py-2 font-medium sm:w-2/5">
                Lean
              </th>
              {labels.map((label) => (
                <th key={label} scope="col" className="hidden px-3 py-2 text-right font-medium last:pr-5 sm:table-cell">
                  {titled(label)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => {
              const leaning = lean(row.contributions, axis)
              return (
                <tr
                  key={`${row.feature} ${row.start}`}
                  tabIndex={0}
                  onPointerEnter={() => onLit(row)}
                  onPointerLeave={() => onLit(null)}
                  onFocus={() => onLit(row)}
                  onBlur={() => onLit(null)}
                  className="border-t border-line -outline-offset-2 hover:bg-well"
                >
                  <td className="max-w-0 truncate py-1.5 pl-5 font-mono text-[13px]" title={row.feature}>
                    {row.feature}
                  </td>
                  <td className="px-3 py-1.5">
                    <Lean value={leaning} full={full} tone={toneOf(leaning, axis, labels)} />
                  </td>
                  {row.contributions.map((value, k) => (
                    <td key={labels[k]} className="hidden px-3 py-1.5 text-right text-soft last:pr-5 sm:table-cell">
                      {signed(value)}
                    </td>
                  ))}
                </tr>
              )
            })}
          </tbody>
        </table>
      </div>
    </section>
  )
}

/** A bar from the middle: right is towards, left is away; the figure stands beside it. */
function Lean({ value, full, tone }: { value: number; full: number; tone: string }) {
  const share = Math.abs(value) / full
  return (
    <div className={`tone-${tone} flex items-center gap-3`}>
      <div className="relative h-2 min-w-0 flex-1 rounded-full bg-well">
        <div className="absolute inset-y-0 left-1/2 w-px bg-edge" />
        <div
          className="absolute inset-y-0 left-1/2 w-1/2 origin-left rounded-r-full bg-(--tone)"
          style={{ transform: `scaleX(${Math.sign(value) * share})` }}
        />
      </div>
      <span className="w-12 text-right font-medium text-(--tone)">{signed(value)}</span>
    </div>
  )
}
