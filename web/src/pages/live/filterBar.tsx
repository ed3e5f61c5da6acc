import { type RefObject, useEffect, useState } from 'react'
import { Button } from '../../parts/button.tsx'
import { Field, Input, Select } from '../../parts/field.tsx'
import { titled } from '../../parts/format.ts'
import { labelsOf, type Task } from '../../parts/tasks.ts'
import { type Band, bands, type Filter, type Judgement, judgements, noFilter, queryOf } from './filter.ts'

const BAND_WORDS: Readonly<Record<Band, string>> = {
  any: 'Any',
  low: 'Below 60 %',
  middle: '60 to 80 %',
  high: '80 % and more',
}
const JUDGED_WORDS: Readonly<Record<Judgement, string>> = {
  all: 'All',
  any: 'With feedback',
  none: 'Without',
  correct: 'Model was right',
  wrong: 'Model was wrong',
}
const REST_MS = 250

interface Props {
  readonly search: RefObject<HTMLInputElement | null>
  readonly filter: Filter
  readonly tasks: readonly Task[]
  readonly onFilter: (filter: Filter) => void
}

export function FilterBar({ search, filter, tasks, onFilter }: Props) {
  const labels = filter.task ? labelsOf(tasks, filter.task) : [...new Set(tasks.flatMap((t) => t.labels))]
  const set = (part: Partial<Filter>): void => onFilter({ ...filter, ...part })
  const asked = Object.keys(queryOf(filter)).length
  const [unfolded, unfold] = useState(asked > 0)
  return (
    <form
      role="search"
      aria-label="Filter predictions"
      onSubmit={(event) => event.preventDefault()}
      className="grid grid-cols-2 items-end gap-3 sm:grid-cols-4 lg:grid-cols-[minmax(0,1.7fr)_repeat(5,minmax(0,1fr))_auto]"
    >
      <Field name="Text" className="col-span-2 lg:col-span-1">
        <Typed
          ref={search}
          value={filter.q}
          type="search"
          placeholder="Words, or “a phrase”"
          maxLength={200}
          onRest={(q) => set({ q })}
        />
      </Field>
      <Button className="col-span-full sm:hidden" aria-expanded={unfolded} onClick={() => unfold(!unfolded)}>
        {unfolded ? 'Fewer filters' : 'More filters'}
      </Button>
      <div className={`contents ${unfolded ? '' : 'max-sm:hidden'}`}>
        <Field name="Task">
          <Select value={filter.task} onChange={(event) => set({ task: event.target.value, label: '' })}>
            <option value="">All</option>
            {tasks.map(({ task }) => (
              <option key={task} value={task}>
                {titled(task)}
              </option>
            ))}
          </Select>
        </Field>
        <Field name="Label">
          <Select value={filter.label} onChange={(event) => set({ label: event.target.value })}>
            <option value="">All</option>
            {labels.map((label) => (
              <option key={label} value={label}>
                {titled(label)}
              </option>
            ))}
          </Select>
        </Field>
        <Field name="Confidence">
          <Select value={filter.band} onChange={(event) => set({ band: event.target.value as Band })}>
            {bands.map((band) => (
              <option key={band} value={band}>
                {BAND_WORDS[band]}
              </option>
            ))}
          </Select>
        </Field>
        <Field name="Feedback">
          <Select value={filter.judged} onChange={(event) => set({ judged: event.target.value as Judgement })}>
            {judgements.map((judged) => (
              <option key={judged} value={judged}>
                {JUDGED_WORDS[judged]}
              </option>
            ))}
          </Select>
        </Field>
        <Field name="Source">
          <Typed value={filter.source} placeholder="Any" maxLength={128} onRest={(source) => set({ source })} />
        </Field>
      </div>
      <Button
        className={`max-sm:col-span-full ${unfolded ? '' : 'max-sm:hidden'}`}
        disabled={asked === 0}
        onClick={() => onFilter(noFilter)}
      >
        Clear
      </Button>
    </form>
  )
}

interface TypedProps {
  readonly ref?: RefObject<HTMLInputElement | null>
  readonly value: string
  readonly type?: string
  readonly placeholder: string
  readonly maxLength: number
  readonly onRest: (value: string) => void
}

/** A field that asks once the typing rests. */
function Typed({ value, onRest, ...rest }: TypedProps) {
  const [typed, setTyped] = useState(value)
  useEffect(() => setTyped(value), [value])
  useEffect(() => {
    if (typed === value) return undefined
    const timer = setTimeout(() => onRest(typed), REST_MS)
    return () => clearTimeout(timer)
  }, [typed])
  return <Input {...rest} value={typed} onChange={(event) => setTyped(event.target.value)} />
}
