import type { ModelBody } from '@barometer/wire'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { modelsQuery } from '../api/queries.ts'
import { useMay } from '../state/session.ts'

export interface Task {
  readonly task: string
  readonly labels: readonly string[]
}

/** The tasks of a fresh installation, for as long as the list of models is not there (or may not be read). */
const IN_THE_BOX: readonly Task[] = [
  { task: 'sentiment', labels: ['negative', 'neutral', 'positive'] },
  { task: 'severity', labels: ['info', 'warning', 'critical'] },
]

/** What can be asked now: one entry a task that is served, those in the box first. */
export function tasksOf(models: readonly ModelBody[]): Task[] {
  const found = new Map<string, readonly string[]>()
  for (const model of models) {
    const serving =
      model.versions.find((version) => version.serving) ?? model.versions.find((v) => v.version === model.production)
    if (serving && !found.has(model.task)) found.set(model.task, serving.labels)
  }
  return [...found]
    .map(([task, labels]) => ({ task, labels }))
    .sort((a, b) => rank(a.task) - rank(b.task) || (a.task < b.task ? -1 : 1))
}

/** Its place among those in the box; the others stand behind them. */
function rank(task: string): number {
  const index = IN_THE_BOX.findIndex((t) => t.task === task)
  return index < 0 ? IN_THE_BOX.length : index
}

export function useTasks(): readonly Task[] {
  const { data } = useQuery({ ...modelsQuery, enabled: useMay('read') })
  return useMemo(() => {
    const served = data ? tasksOf(data.models) : []
    return served.length > 0 ? served : IN_THE_BOX
  }, [data])
}

export function labelsOf(tasks: readonly Task[], task: string): readonly string[] {
  return tasks.find((t) => t.task === task)?.labels ?? []
}
