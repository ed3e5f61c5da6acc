import { Select } from '../../parts/field.tsx'
import { titled } from '../../parts/format.ts'
import type { Task } from '../../parts/tasks.ts'

/** More than this and a row of choices would not fit a phone. */
const ROW_MAX = 3

interface Props {
  readonly tasks: readonly Task[]
  readonly task: string
  readonly onTask: (task: string) => void
}

export function TaskChoice({ tasks, task, onTask }: Props) {
  if (tasks.length > ROW_MAX)
    return (
      <div className="w-48">
        <Select aria-label="Task" value={task} onChange={(event) => onTask(event.target.value)}>
          {tasks.map(({ task: name }) => (
            <option key={name} value={name}>
              {titled(name)}
            </option>
          ))}
        </Select>
      </div>
    )
  return (
    <fieldset className="inline-flex rounded-lg border border-line bg-well p-0.5">
      <legend className="sr-only">Task</legend>
      {tasks.map(({ task: name }) => (
        <label
          key={name}
          className="cursor-pointer rounded-md px-3.5 py-1.5 text-sm text-soft has-checked:bg-panel has-checked:font-medium has-checked:text-ink has-checked:shadow-sm has-focus-visible:outline-2 has-focus-visible:outline-accent"
        >
          <input
            type="radio"
            name="task"
            value={name}
            checked={name === task}
            onChange={() => onTask(name)}
            className="sr-only"
          />
          {titled(name)}
        </label>
      ))}
    </fieldset>
  )
}
