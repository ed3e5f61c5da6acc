import type { EstimateBody, EvaluationBody } from '@barometer/wire'
import { count } from '../../parts/format.ts'
import { axisFor, distinct, figure, inOrder, meaningOf, place, type Scale, type Unit } from './metrics.ts'

interface Props {
  readonly evaluations: readonly EvaluationBody[]
  /** Evaluations of the version in production, to compare with; empty when this is it. */
  readonly champion: readonly EvaluationBody[]
}

/** One plot a metric, one line an evaluation, all on one axis: the 95 % intervals, and where production stands. */
export function MetricRanges({ evaluations, champion }: Props) {
  if (evaluations.length === 0) return <p className="text-sm text-soft">This version was not evaluated.</p>
  const metrics = inOrder(Object.assign({}, ...evaluations.map((e) => e.metrics)) as EvaluationBody['metrics']) // Names only.
  return (
    <div className="grid gap-x-10 gap-y-6 xl:grid-cols-2">
      {metrics.map(([metric]) => (
        <Plot key={metric} metric={metric} evaluations={evaluations} champion={champion} />
      ))}
      <p className="text-xs text-soft xl:col-span-2">
        {evaluations.map((e) => `${e.name}: ${count(e.rows)} rows`).join(' · ')}
      </p>
    </div>
  )
}

function Plot({ metric, evaluations, champion }: Props & { metric: string }) {
  const { name, better, unit } = meaningOf(metric)
  const lines = evaluations.flatMap((evaluation) => {
    const estimate = evaluation.metrics[metric]
    const rival = champion.find((e) => e.name === evaluation.name)?.metrics[metric]
    return estimate ? [{ test: evaluation.name, estimate, rival }] : []
  })
  const shown = distinct(lines.map(({ test }) => test))
  const axis = axisFor(
    lines.flatMap(({ estimate, rival }) => (rival ? [estimate, rival] : [estimate])),
    unit,
  )
  return (
    <figure className="min-w-0">
      <figcaption className="mb-1.5 grid grid-cols-[minmax(0,1fr)_minmax(0,1.4fr)_3.75rem] items-baseline gap-3 text-sm">
        <span className="font-medium">{name}</span>
        <span className="flex justify-between gap-1 text-[11px] whitespace-nowrap text-soft" aria-hidden="true">
          <span>{figure(axis.from, unit)}</span>
          <span>{better === 'higher' ? 'higher is better' : 'lower is better'}</span>
          <span>{figure(axis.to, unit)}</span>
        </span>
      </figcaption>
      <ul>
        {lines.map(({ test, estimate, rival }, i) => (
          <Range
            key={test}
            said={sentence(metric, test, estimate, rival)}
            test={shown[i]}
            estimate={estimate}
            rival={rival}
            axis={axis}
            unit={unit}
          />
        ))}
      </ul>
    </figure>
  )
}

interface RangeProps {
  readonly said: string
  readonly test: string
  readonly estimate: EstimateBody
  readonly rival: EstimateBody | undefined
  readonly axis: Scale
  readonly unit: Unit
}

function Range({ said, test, estimate, rival, axis, unit }: RangeProps) {
  return (
    <li className="grid grid-cols-[minmax(0,1fr)_minmax(0,1.4fr)_3.75rem] items-center gap-3 text-sm" title={said}>
      <span className="truncate text-xs text-soft">{test}</span>
      <span role="img" aria-label={said} className="relative block h-5.5 border-x border-line">
        <span className="absolute inset-x-0 top-1/2 h-px bg-line" />
        {rival && <Span estimate={rival} axis={axis} production />}
        <Span estimate={estimate} axis={axis} />
      </span>
      <span className="text-right font-medium">{figure(estimate.value, unit, undefined, true)}</span>
    </li>
  )
}

function Span({ estimate, axis, production = false }: { estimate: EstimateBody; axis: Scale; production?: boolean }) {
  const at = (value: number): string => `${100 * place(value, axis)}%`
  const width = `${100 * (place(estimate.high, axis) - place(estimate.low, axis))}%`
  return (
    <>
      <span
        className={`absolute rounded-full ${production ? 'top-[16px] h-0.5 bg-good' : 'top-1/2 h-1.5 -translate-y-1/2 bg-accent/35'}`}
        style={{ left: at(estimate.low), width }}
      />
      <span
        className={`absolute -translate-x-1/2 ${production ? 'top-[13px] size-2 rounded-full border-2 border-good bg-panel' : 'top-1/2 h-3.5 w-[3px] -translate-y-1/2 rounded-full bg-accent'}`}
        style={{ left: at(estimate.value) }}
      />
    </>
  )
}

function sentence(metric: string, test: string, estimate: EstimateBody, rival: EstimateBody | undefined): string {
  const { name, unit } = meaningOf(metric)
  const say = (value: number): string => figure(value, unit, unit === 'share' ? 2 : 4, true)
  const interval = `${name} on ${test}: ${say(estimate.value)}, 95 % interval ${say(estimate.low)} to ${say(estimate.high)}`
  return rival ? `${interval}; production ${say(rival.value)}` : interval
}
