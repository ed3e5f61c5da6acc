import type { ModelBody, VersionBody } from '@barometer/wire'
import type { ReactNode } from 'react'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { bytes, count, dateTime, titled } from '../../parts/format.ts'
import { Mark } from '../../parts/mark.tsx'
import { useMay } from '../../state/session.ts'
import type { Change } from './changeSheet.tsx'
import { Confusion } from './confusion.tsx'
import { MetricRanges } from './metricRanges.tsx'
import { StageWord } from './stageWord.tsx'

interface Props {
  readonly model: ModelBody
  readonly version: VersionBody
  readonly onChange: (change: Change) => void
}

/** Everything that is known of one version. */
export function VersionView({ model, version, onChange }: Props) {
  const may = useMay('admin')
  const champion = model.versions.find((v) => v.version === model.production)
  const rival = champion && champion.version !== version.version ? champion : null
  const ask = (kind: 'promote' | 'archive'): void =>
    onChange({ kind, model: model.model, version: version.version, production: model.production })
  return (
    <section aria-labelledby="version" className="panel min-w-0">
      <header className="flex flex-wrap items-center justify-between gap-3 border-b border-line p-5">
        <div>
          <h3 id="version" className="flex flex-wrap items-center gap-x-3 text-lg font-semibold">
            Version {version.version}
            <span className="text-sm font-normal">
              <StageWord stage={version.stage} />
            </span>
          </h3>
          <p className="mt-1 text-xs text-soft">
            Made {dateTime(version.made_at)} by the recipe <span className="font-mono">{version.recipe}</span>
          </p>
        </div>
        {may && (
          <div className="flex gap-2">
            {version.stage !== 'archived' && version.stage !== 'production' && (
              <Button onClick={() => ask('archive')}>Archive</Button>
            )}
            {version.stage !== 'production' && (
              <Button look="main" onClick={() => ask('promote')}>
                Promote
              </Button>
            )}
          </div>
        )}
      </header>
      <div className="grid gap-7 p-5">
        <div>
          <Heading>
            Measured{' '}
            <span className="font-normal text-soft">
              with 95 % intervals{rival ? `; the green ring is version ${rival.version} in production` : ''}
            </span>
          </Heading>
          <MetricRanges evaluations={version.evaluations} champion={rival?.evaluations ?? []} />
        </div>
        {version.evaluations.some((e) => e.confusion) && (
          <div className="grid gap-5 xl:grid-cols-2">
            {version.evaluations.map((e) => (
              <Confusion key={e.name} evaluation={e} labels={version.labels} />
            ))}
          </div>
        )}
        <div className="grid gap-7 xl:grid-cols-2">
          <div>
            <Heading>Trained on</Heading>
            <ul className="grid gap-1.5 text-sm">
              {version.data.sources.map((source) => (
                <li key={source.name} className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-4">
                  <span className="wrap-anywhere">
                    {source.name}
                    {source.terms !== undefined && <span className="block text-xs text-soft">{source.terms}</span>}
                  </span>
                  <span className="text-soft">{count(source.rows)}</span>
                </li>
              ))}
              <li className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 border-t border-line pt-1.5 font-medium">
                <span>Rows</span>
                <span>{count(version.data.rows)}</span>
              </li>
            </ul>
          </div>
          <div>
            <Heading>Artifact</Heading>
            <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1 text-sm">
              <Fact name="Labels">
                <span className="flex flex-wrap gap-x-3">
                  {version.labels.map((label) => (
                    <span key={label} className="inline-flex items-center gap-1.5">
                      <Mark label={label} labels={version.labels} size={10} />
                      {titled(label)}
                    </span>
                  ))}
                </span>
              </Fact>
              <Fact name="Kind">{version.kind}</Fact>
              <Fact name="Size">{bytes(version.bytes)}</Fact>
              <Fact name="Temperature">
                {version.calibration.temperature.toFixed(3)}, fitted on {count(version.calibration.rows)} rows
              </Fact>
              <Fact name="Data">
                <Digest value={version.data.sha256} />
              </Fact>
              <Fact name="Digest">
                <Digest value={version.digest} />
              </Fact>
            </dl>
          </div>
        </div>
        {version.card !== null && (
          <details open className="border-t border-line pt-5">
            <summary className="mb-3 font-semibold">Model card</summary>
            <Card source={version.card} />
          </details>
        )}
      </div>
    </section>
  )
}

function Heading({ children }: { children: ReactNode }) {
  return <h4 className="mb-3 text-sm font-semibold">{children}</h4>
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="contents">
      <dt className="text-soft">{name}</dt>
      <dd className="min-w-0">{children}</dd>
    </div>
  )
}

function Digest({ value }: { value: string }) {
  return (
    <code title={value} className="font-mono text-xs">
      {value.slice(0, 16)}…
    </code>
  )
}
