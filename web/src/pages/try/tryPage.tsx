import { useMutation, useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useRef, useState } from 'react'
import { predict } from '../../api/calls.ts'
import { explainQuery } from '../../api/queries.ts'
import { useStore } from '../../api/store.ts'
import { Button, Key } from '../../parts/button.tsx'
import { count } from '../../parts/format.ts'
import { axisOf, carry, paint } from '../../parts/lean.ts'
import { FaultNotice } from '../../parts/notice.tsx'
import { labelsOf, useTasks } from '../../parts/tasks.ts'
import { useRested } from '../../state/hooks.ts'
import { useKeys } from '../../state/keys.ts'
import { hashOf } from '../../state/route.ts'
import { useMay } from '../../state/session.ts'
import { useTitle } from '../../state/title.ts'
import { draft } from './draft.ts'
import { examples } from './examples.ts'
import { Ngrams } from './ngrams.tsx'
import { Reading } from './reading.tsx'
import { Readout, type Weighed } from './readout.tsx'
import { TaskChoice } from './taskChoice.tsx'
import { TextBox } from './textBox.tsx'

const REST_MS = 150

/** Scores as one types. Nothing is logged until somebody says so. */
export function TryPage() {
  useTitle('Try it')
  const { text, task } = useStore(draft)
  const tasks = useTasks()
  const mayPredict = useMay('predict')
  const mayRead = useMay('read')
  const box = useRef<HTMLTextAreaElement>(null)
  const [lit, setLit] = useState<Weighed | null>(null)
  const rested = useRested(text, REST_MS)
  const scored = useQuery(explainQuery(rested, task))
  const logging = useMutation({
    mutationFn: (sent: { text: string; task: string }) =>
      predict({ ...sent, source: 'page', return_probabilities: true }),
  })
  const { reset } = logging
  useEffect(reset, [text, task, reset])
  useKeys({ '/': () => box.current?.focus() })

  const empty = text.trim() === ''
  // The last answer stays while the next one is on its way, unless it was for another task or there is no text.
  const answer = !empty && scored.data?.task === task ? scored.data : null
  const labels = answer?.explanation.labels ?? labelsOf(tasks, task)
  const axis = useMemo(() => axisOf(labels, answer?.label ?? labels[0]), [labels, answer])
  const pieces = useMemo(
    () => paint(text, answer ? carry(answer.explanation.spans, answer.text, text) : [], axis),
    [text, answer, axis],
  )

  const log = (): void => {
    if (!empty && mayPredict && !logging.isPending && !logging.isSuccess) logging.mutate({ text, task })
  }
  const write = (next: string): void => {
    setLit(null)
    draft.set({ text: next, task })
  }

  return (
    <div className="grid gap-5">
      <h1 className="sr-only">Try it</h1>
      <div className="grid items-start gap-5 lg:grid-cols-[minmax(0,1fr)_20rem] lg:grid-rows-[auto_1fr]">
        <div className="grid min-w-0 gap-3">
          <div className="flex flex-wrap items-center justify-between gap-3">
            <TaskChoice tasks={tasks} task={task} onTask={(next) => draft.set({ text, task: next })} />
            <span className="text-xs text-soft">{count(text.length)} characters</span>
          </div>
          <TextBox
            box={box}
            text={text}
            pieces={pieces}
            axis={axis}
            labels={labels}
            lit={lit}
            onText={write}
            onLit={setLit}
            onLog={log}
          />
          <Readout
            weighed={lit && answer && { text: text.slice(lit.start, lit.end), contributions: lit.contributions }}
            axis={axis}
            labels={labels}
          />
          <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
            {mayPredict && (
              <Button look="main" disabled={empty || logging.isPending || logging.isSuccess} onClick={log}>
                {logging.isSuccess ? '✓ Logged' : 'Log it'}
              </Button>
            )}
            <div id="keys-of-text" aria-live="polite" className="min-w-0 text-sm">
              {logging.data ? (
                <span>
                  As{' '}
                  <code data-testid="logged-id" className="font-mono text-xs wrap-anywhere">
                    {logging.data.id}
                  </code>
                  {mayRead && (
                    <>
                      {' · '}
                      <a className="text-accent underline underline-offset-2" href={hashOf('live', [logging.data.id])}>
                        See it in the log
                      </a>
                    </>
                  )}
                </span>
              ) : (
                <span className="text-soft">
                  Typing logs nothing.{' '}
                  <span className="pointer-coarse:hidden">
                    <Key>Enter</Key> logs, <Key>Shift</Key> <Key>Enter</Key> begins a line.
                  </span>
                </span>
              )}
            </div>
          </div>
          {logging.error && <FaultNotice error={logging.error} onRetry={log} />}
          {!empty && scored.error && <FaultNotice error={scored.error} onRetry={() => void scored.refetch()} />}
        </div>
        <div className="lg:col-start-2 lg:row-span-2 lg:row-start-1">
          <Reading
            labels={labels}
            answer={answer}
            instead={empty ? 'Nothing to read yet' : scored.error ? 'No answer' : 'Reading…'}
          />
        </div>
        <Examples
          task={task}
          onPick={(next) => {
            write(next)
            box.current?.focus()
          }}
        />
      </div>
      <Ngrams explanation={answer?.explanation ?? null} axis={axis} labels={labels} onLit={setLit} />
    </div>
  )
}

function Examples({ task, onPick }: { task: string; onPick: (text: string) => void }) {
  const list = examples[task]
  if (!list) return null
  return (
    <div className="grid gap-2">
      <h2 className="text-xs text-soft">Something to begin with</h2>
      <ul className="flex flex-wrap gap-2">
        {list.map((example) => (
          <li key={example} className="max-w-full">
            <button
              type="button"
              onClick={() => onPick(example)}
              className="max-w-full rounded-full border border-line bg-panel px-3.5 py-1.5 text-left text-sm text-soft transition-colors hover:border-edge hover:text-ink"
            >
              {example}
            </button>
          </li>
        ))}
      </ul>
    </div>
  )
}
