import type { EstimateBody, EvaluationBody } from '@barometer/wire'
import { count } from '../../format.ts'
import { axisFor, figure, inOrder, meaningOf, place, type Scale } from './metrics.ts'

interface Props {
  readonly evaluations: readonly EvaluationBody[]
  /** Evaluations of the version in production, to compare with; empty when this is it. */
  readonly champion: readonly EvaluationBody[]
}

/** Every metric with its 95 % interval, and where production stands on the same axis. */
export function MetricRanges({ evaluations, champion }: Props) {
  if (evaluations.length === 0) return <p className="text-sm text-soft">This version was not evaluated.</p>
  return (
    <div className="grid gap-6 xl:grid-cols-2">
      {evaluations.map((evaluation) => (
        <div key={evaluation.name} className="min-w-0">
          <p className="mb-2 flex flex-wrap items-baseline justify-between gap-x-3 text-sm">
            <span className="font-mono text-[13px] wrap-anywhere">{evaluation.name}</span>
            <span className="text-xs text-soft">{count(evaluation.rows)} rows</span>
          </p>
          <ul className="grid gap-1.5">
            {inOrder(evaluation.metrics).map(([metric, estimate]) => (
              <Range
                key={metric}
                metric={metric}
                estimate={estimate}
                rival={champion.find((e) => e.name === evaluation.name)?.metrics[metric]}
              />
            ))}
          </ul>
        </div>
      ))}
    </div>
  )
}

function Range({
  metric,
  estimate,
  rival,
}: {
  metric: string
  estimate: EstimateBody
  rival: EstimateBody | undefined
}) {
  const { name, better, unit } = meaningOf(metric)
  const axis = axisFor(rival ? [estimate, rival] : [estimate], unit)
  const percent = unit === 'share' ? ' %' : ''
  const said = `${name} ${figure(estimate.value, unit)}${percent}, 95 % interval ${figure(estimate.low, unit)} to ${figure(estimate.high, unit)}, ${better} is better${
    rival ? `; production ${figure(rival.value, unit)}${percent}` : ''
  }`
  return (
    <li className="grid grid-cols-[7.5rem_minmax(0,1fr)_3.25rem] items-center gap-3 text-sm" title={said}>
      <span className="truncate text-soft">
        {name} <span aria-hidden="true">{better === 'lower' ? '↓' : ''}</span>
      </span>
      <span role="img" aria-label={said} className="relative block h-5">
        <span className="absolute inset-x-0 top-1/2 h-px bg-line" />
        {rival && <Span estimate={rival} axis={axis} production />}
        <Span estimate={estimate} axis={axis} />
      </span>
      <span className="text-right font-medium">{figure(estimate.value, unit)}</span>
    </li>
  )
}

function Span({ estimate, axis, production = false }: { estimate: EstimateBody; axis: Scale; production?: boolean }) {
  const at = (value: number): string => `${100 * place(value, axis)}%`
  const width = `${100 * (place(estimate.high, axis) - place(estimate.low, axis))}%`
  return (
    <>
      <span
        className={`absolute rounded-full ${production ? 'top-[15px] h-0.5 bg-good' : 'top-1/2 h-1.5 -translate-y-1/2 bg-accent/35'}`}
        style={{ left: at(estimate.low), width }}
      />
      <span
        className={`absolute -translate-x-1/2 ${production ? 'top-[12px] size-2 rounded-full border-2 border-good bg-panel' : 'top-1/2 h-3.5 w-[3px] -translate-y-1/2 rounded-full bg-accent'}`}
        style={{ left: at(estimate.value) }}
      />
    </>
  )
}
