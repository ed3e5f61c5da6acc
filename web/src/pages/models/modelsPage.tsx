import type { ModelBody, VersionBody } from '@barometer/wire'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { modelsQuery } from '../../api/queries.ts'
import { Button } from '../../parts/button.tsx'
import { ago, titled } from '../../parts/format.ts'
import { Empty, FaultNotice } from '../../parts/notice.tsx'
import { useNow } from '../../state/hooks.ts'
import { hashOf, type Route } from '../../state/route.ts'
import { useMay } from '../../state/session.ts'
import { useTitle } from '../../state/title.ts'
import { type Change, ChangeSheet } from './changeSheet.tsx'
import { History } from './history.tsx'
import { figure, inOrder, meaningOf } from './metrics.ts'
import { StageWord } from './stageWord.tsx'
import { VersionView } from './versionView.tsx'

/** What is in the registry, what serves, and how it came to be so. */
export function ModelsPage({ route }: { route: Route }) {
  const { data, error, isPending, refetch } = useQuery(modelsQuery)
  const [change, setChange] = useState<Change | null>(null)
  const may = useMay('admin')
  const now = useNow(30_000)
  useTitle('Models')
  const models = data?.models ?? []
  const model =
    models.find((m) => m.model === route.path[0]) ?? models.find((m) => m.model === 'sentiment') ?? models[0]
  const wanted = Number(route.path[1])
  const version = model && (model.versions.find((v) => v.version === wanted) ?? servingOf(model))

  if (error) return <FaultNotice error={error} onRetry={() => void refetch()} />
  if (isPending) return null
  if (!model || !version)
    return (
      <div className="panel">
        <Empty title="No models yet">
          <code className="font-mono">barometer train --help</code> says how to make one.
        </Empty>
      </div>
    )
  return (
    <div className="grid gap-5">
      <h1 className="sr-only">Models</h1>
      <div className="flex flex-wrap items-end justify-between gap-4">
        <nav aria-label="Models" className="flex flex-wrap gap-2">
          {models.map((m) => (
            <a
              key={m.model}
              href={hashOf('models', [m.model])}
              aria-current={m === model ? 'true' : undefined}
              className="rounded-xl border border-line bg-panel px-4 py-2.5 text-sm hover:border-edge aria-[current]:border-accent aria-[current]:shadow-[0_0_0_1px_var(--color-accent)]"
            >
              <span className="block font-semibold">{titled(m.model)}</span>
              <span className="text-xs text-soft">
                {m.production === null ? 'not in production' : `version ${m.production} serves`}
              </span>
            </a>
          ))}
        </nav>
        {may && model.roll_back_to !== null && (
          <RollBackButton model={model} to={model.roll_back_to} onChange={setChange} />
        )}
      </div>
      <div className="grid items-start gap-5 lg:grid-cols-[17rem_minmax(0,1fr)]">
        <div className="grid min-w-0 gap-5 lg:sticky lg:top-20">
          <Versions model={model} chosen={version} now={now} />
          <div className="max-lg:hidden">
            <History model={model.model} now={now} />
          </div>
        </div>
        <VersionView model={model} version={version} onChange={setChange} />
        <div className="lg:hidden">
          <History model={model.model} now={now} />
        </div>
      </div>
      {change && <ChangeSheet change={change} onClose={() => setChange(null)} />}
    </div>
  )
}

interface RollBackProps {
  readonly model: ModelBody
  readonly to: NonNullable<ModelBody['roll_back_to']>
  readonly onChange: (change: Change) => void
}

function RollBackButton({ model: { model, production }, to, onChange }: RollBackProps) {
  const name = to.model === model ? `version ${to.version}` : `${to.model} ${to.version}`
  return (
    <Button onClick={() => onChange({ kind: 'roll-back', model, production, to: name })}>Roll back to {name}</Button>
  )
}

function servingOf(model: ModelBody): VersionBody | undefined {
  return model.versions.find((v) => v.version === model.production) ?? model.versions[0]
}

function Versions({ model, chosen, now }: { model: ModelBody; chosen: VersionBody; now: number }) {
  return (
    <nav aria-label={`Versions of ${model.model}`} className="panel overflow-hidden">
      <ul className="max-h-96 overflow-y-auto">
        {model.versions.map((version) => (
          <li key={version.version} className="border-b border-line last:border-0">
            <a
              href={hashOf('models', [model.model, String(version.version)])}
              aria-current={version === chosen ? 'true' : undefined}
              className="grid grid-cols-[1fr_auto] gap-x-3 px-4 py-3 text-sm -outline-offset-2 hover:bg-well aria-[current]:bg-accent/10 aria-[current]:shadow-[inset_3px_0_0_var(--color-accent)]"
            >
              <span className="font-medium">Version {version.version}</span>
              <span className="justify-self-end">
                <StageWord stage={version.stage} />
              </span>
              <span className="text-xs text-soft">{ago(version.made_at, now)}</span>
              <span className="text-right text-xs text-soft">{headline(version)}</span>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  )
}

/** The first metric of the first evaluation, in a few characters. */
function headline(version: VersionBody): string {
  const [evaluation] = version.evaluations
  const first = evaluation && inOrder(evaluation.metrics)[0]
  if (!first) return ''
  const { name, unit } = meaningOf(first[0])
  return `${name} ${figure(first[1].value, unit, undefined, true)}`
}
