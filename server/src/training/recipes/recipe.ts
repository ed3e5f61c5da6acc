/** What the training process needs of a recipe. */
import { Fault } from '../../domain/faults.ts'
import type { Setting, TrainingAsked } from '../../domain/trainingRun.ts'
import type { Texts } from '../data/readTexts.ts'
import type { Job } from '../jobs/messages.ts'
import type { Point, Space } from '../search/space.ts'
import type { Trained, TrainerNeeds } from '../trainers/trainer.ts'

export interface SettingForm {
  readonly kind: 'whole' | 'real' | 'flag' | 'word'
  readonly low?: number
  readonly high?: number
  /** The words that it may be. */
  readonly of?: readonly string[]
  readonly about: string
}

export interface Recipe {
  readonly about: string
  /** True where the rows are telemetry: the recipe reads its files itself, and makes rows up where there are none. */
  readonly telemetry?: boolean
  /** True where texts without labels are of use. */
  readonly unlabelled?: boolean
  /** Whether it can start from the weights of another model (`--from`): never, if asked, or always. */
  readonly base: 'none' | 'optional' | 'required'
  /** What `parameters` may say. */
  readonly settings: Readonly<Record<string, SettingForm>>
  /** What `--quick` stands for. */
  readonly quick: Readonly<Record<string, Setting>>
  /** What a search looks through; null where there is nothing to look for. */
  readonly search: { readonly space: Space; readonly start: Point } | null
  /** Loaded only in the process that trains. */
  readonly load: () => Promise<Train>
}

export interface Work {
  readonly job: Job
  /** The asked parameters, and those of the trial where there is one. */
  readonly parameters: Readonly<Record<string, Setting>>
  /** Read once for all trials; empty for telemetry. */
  readonly texts: Texts
  readonly progress: (share: number | null, words: string) => void
}

export type Train = (work: Work, needs: TrainerNeeds) => Promise<Trained>

/** Refuses what the recipe cannot do, before anything is started. */
export function checkAsked(asked: TrainingAsked, recipes: Readonly<Record<string, Recipe>>): Recipe {
  if (!Object.hasOwn(recipes, asked.recipe)) {
    const names = Object.keys(recipes).join(', ')
    throw new Fault('bad_request', { say: `There is no recipe “${asked.recipe}”; there are ${names}.` })
  }
  const recipe = recipes[asked.recipe]
  const refuse = (say: string) => new Fault('bad_request', { say: `The recipe ${asked.recipe} ${say}` })
  for (const [name, value] of Object.entries(asked.parameters)) {
    const form = Object.hasOwn(recipe.settings, name) ? recipe.settings[name] : undefined
    if (form === undefined)
      throw refuse(`has no setting “${name}”; it has ${Object.keys(recipe.settings).join(', ') || 'none'}.`)
    const why = wrong(value, form)
    if (why !== null) throw refuse(`wants for “${name}” ${why}, not ${JSON.stringify(value)}.`)
  }
  if (recipe.base === 'none' && asked.from !== null) throw refuse('learns from the rows alone and cannot start --from.')
  if (recipe.base === 'required' && asked.from === null) throw refuse('needs a model to start --from.')
  if (asked.search !== null && recipe.search === null) throw refuse('has nothing to optimise.')
  if (asked.data.length === 0 && !recipe.telemetry) throw refuse('needs rows.')
  if (recipe.telemetry && asked.data.some(({ kind }) => kind !== 'file'))
    throw refuse('learns from telemetry; the log is of texts.')
  if (!recipe.unlabelled && asked.data.some(({ kind }) => kind === 'log'))
    throw refuse('learns from labels; of the log take the feedback.')
  if (!recipe.unlabelled && asked.data.some((data) => data.kind === 'file' && data.unlabelled))
    throw refuse('learns from labels; texts without are of no use to it.')
  if (recipe.telemetry && asked.test !== null)
    throw refuse('measures on machines that it keeps back; it takes no test.')
  return recipe
}

function wrong(value: Setting, { kind, low = -Infinity, high = Infinity, of }: SettingForm): string | null {
  switch (kind) {
    case 'flag':
      return typeof value === 'boolean' ? null : 'true or false'
    case 'word':
      if (of !== undefined) return of.includes(String(value)) ? null : `one of ${of.join(', ')}`
      return typeof value === 'string' ? null : 'a word'
    case 'whole':
    case 'real': {
      const isOfKind = typeof value === 'number' && (kind === 'real' ? Number.isFinite(value) : Number.isInteger(value))
      if (isOfKind && value >= low && value <= high) return null
      const range = Number.isFinite(low) && Number.isFinite(high) ? ` from ${low} to ${high}` : ''
      return `a ${kind === 'whole' ? 'whole ' : ''}number${range}`
    }
    default:
      return kind satisfies never
  }
}
