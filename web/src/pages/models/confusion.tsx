import type { EvaluationBody } from '@barometer/wire'
import { count, percent, titled } from '../../parts/format.ts'

/** Which label was taken for which: rows are the truth, columns the answer; the shade is the share of the row. */
export function Confusion({ evaluation, labels }: { evaluation: EvaluationBody; labels: readonly string[] }) {
  const { confusion } = evaluation
  if (!confusion || confusion.length !== labels.length) return null
  return (
    <div role="region" aria-label="Mistakes" tabIndex={0} className="overflow-x-auto">
      <table className="text-sm">
        <caption className="mb-2 text-left text-xs text-soft">
          Mistakes on <span className="font-mono">{evaluation.name}</span>: truth in rows, answers in columns
        </caption>
        <thead>
          <tr>
            <td />
            {labels.map((label) => (
              <th key={label} scope="col" className="px-2 pb-1 text-right text-xs font-medium text-soft">
                {titled(label)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {confusion.map((row, i) => {
            const rows = row.reduce((sum, n) => sum + n, 0)
            return (
              <tr key={labels[i]}>
                <th scope="row" className="pr-3 text-left text-xs font-medium text-soft">
                  {titled(labels[i])}
                </th>
                {row.map((n, j) => (
                  <td
                    key={labels[j]}
                    title={rows > 0 ? `${percent(n / rows)} of ${titled(labels[i])}` : ''}
                    className={`relative border-2 border-panel px-2.5 py-1.5 text-right ${i === j ? 'font-semibold' : ''}`}
                  >
                    <span
                      aria-hidden="true"
                      className="absolute inset-0 rounded bg-accent"
                      style={{ opacity: rows > 0 ? 0.04 + 0.3 * (n / rows) : 0 }}
                    />
                    <span className="relative">{count(n)}</span>
                  </td>
                ))}
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}
