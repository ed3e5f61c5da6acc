import type { LoggedPrediction } from '@barometer/wire'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { explainLoggedQuery, predictionQuery } from '../../api/queries.ts'
import { Bars } from '../../charts/bars.tsx'
import { Button, Key } from '../../parts/button.tsx'
import { counted, dateTime, milliseconds, percent, sureness, titled } from '../../parts/format.ts'
import { axisOf, paint } from '../../parts/lean.ts'
import { LabelWord, Mark } from '../../parts/mark.tsx'
import { FaultNotice } from '../../parts/notice.tsx'
import { Painted } from '../../parts/painted.tsx'
import { labelsOf, type Task } from '../../parts/tasks.ts'
import { useMay } from '../../state/session.ts'

interface Props {
  readonly id: string
  readonly tasks: readonly Task[]
  readonly pending: string | undefined
  readonly onJudge: (label: string, before: string | null) => void
  readonly onUndo: () => void
  readonly onClose: () => void
}

/** One prediction in full: its text with the weights of its words, what was answered, and what people say of it. */
export function Detail({ id, tasks, pending, onJudge, onUndo, onClose }: Props) {
  const logged = useQuery(predictionQuery(id))
  const { data } = logged
  // The task's labels as they are now; where it is served no more, those that this prediction was made among.
  const served = data ? labelsOf(tasks, data.task) : []
  const labels = served.length > 0 ? served : Object.keys(data?.probabilities ?? {})
  return (
    <section aria-label="Prediction" className="grid content-start gap-4 p-4 text-sm">
      <div className="flex items-center justify-between gap-3">
        <h2 className="text-base font-semibold">Prediction</h2>
        <Button look="bare" onClick={onClose}>
          Close <Key hint>Esc</Key>
        </Button>
      </div>
      {logged.error && <FaultNotice error={logged.error} onRetry={() => void logged.refetch()} />}
      {data && (
        <>
          <PaintedText logged={data} />
          <p className="flex flex-wrap items-center gap-x-2">
            <LabelWord label={data.label} labels={Object.keys(data.probabilities)} />
            <span className="text-soft">
              {sureness(data.confidence)}, {percent(data.confidence)}
            </span>
          </p>
          <Verdict logged={data} labels={labels} pending={pending} onJudge={onJudge} onUndo={onUndo} />
          <Bars labels={Object.keys(data.probabilities)} probabilities={data.probabilities} label={data.label} />
          <Facts logged={data} />
        </>
      )}
    </section>
  )
}

function PaintedText({ logged }: { logged: LoggedPrediction }) {
  const kept = logged.text !== null
  const may = useMay('predict')
  const { data } = useQuery(explainLoggedQuery(logged.id, may && kept))
  const text = logged.text ?? ''
  const labels = data?.explanation.labels ?? Object.keys(logged.probabilities)
  const axis = useMemo(() => axisOf(labels, logged.label), [labels, logged.label])
  const pieces = useMemo(() => paint(text, data?.explanation.spans ?? [], axis), [text, data, axis])
  if (!kept) return <p className="text-soft italic">The log does not keep this text.</p>
  return (
    <p
      data-testid="detail-text"
      tabIndex={0}
      aria-label="Text"
      role="group"
      className="max-h-56 overflow-y-auto rounded-lg bg-well p-3 text-base leading-relaxed whitespace-pre-wrap wrap-anywhere"
    >
      <Painted pieces={pieces} axis={axis} labels={labels} lit={null} />
    </p>
  )
}

interface VerdictProps extends Pick<Props, 'pending' | 'onJudge' | 'onUndo'> {
  readonly labels: readonly string[]
  readonly logged: LoggedPrediction
}

/** What is the true label? Numbered as on the keyboard. */
function Verdict({ logged, labels, pending, onJudge, onUndo }: VerdictProps) {
  const may = useMay('predict')
  const before = logged.feedback?.label ?? null
  const chosen = pending ?? before
  return (
    <fieldset className="grid gap-2" disabled={!may}>
      <legend className="mb-2 text-xs text-soft">What is the true label?</legend>
      <div className="flex flex-wrap gap-2">
        {labels.map((label, i) => (
          <Button
            key={label}
            aria-pressed={label === chosen}
            className={label === chosen ? 'border-accent! bg-accent/10' : ''}
            onClick={() => onJudge(label, before)}
          >
            <Mark label={label} labels={labels} />
            {titled(label)}
            {i < 9 && <Key hint>{String(i + 1)}</Key>}
          </Button>
        ))}
      </div>
      <p className="min-h-9 text-xs leading-9 text-soft">
        {pending !== undefined ? (
          <>
            Sent in a moment.{' '}
            <button type="button" onClick={onUndo} className="text-accent underline underline-offset-2">
              Take it back
            </button>{' '}
            <Key hint>u</Key>
          </>
        ) : logged.feedback ? (
          `${titled(logged.feedback.label)}, said ${dateTime(logged.feedback.at)}${logged.feedback.changes > 0 ? `, changed ${counted(logged.feedback.changes, 'time')}` : ''}.`
        ) : may ? (
          'Nobody has said yet.'
        ) : (
          'Feedback needs a key with the scope “predict”.'
        )}
      </p>
    </fieldset>
  )
}

function Facts({ logged }: { logged: LoggedPrediction }) {
  const facts: readonly (readonly [string, string])[] = [
    ['When', dateTime(logged.at)],
    [
      'Model',
      `${logged.model}, version ${logged.version}${logged.variant === 'champion' ? '' : ` (${logged.variant})`}`,
    ],
    ['Source', logged.source ?? '–'],
    ['Latency', milliseconds(logged.latency_ms)],
    ['Size', `${counted(logged.chars, 'character')}, ${counted(logged.tokens, 'word')}`],
    ['Drift', logged.drift ? 'the recent window had moved' : 'none seen'],
    ...(logged.caller_id === null ? [] : [['Own id', logged.caller_id] as const]),
    ['Id', logged.id],
  ]
  return (
    <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1 border-t border-line pt-3 text-xs">
      {facts.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-soft">{name}</dt>
          <dd className={`wrap-anywhere ${name === 'Id' ? 'font-mono' : ''}`}>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
