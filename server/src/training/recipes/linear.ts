/** The linear recipes as jobs: their solver's progress as the events that all trainings have. */
import type { TrainingEvent } from '../../domain/trainingRun.ts'
import type { LinearRecipe } from '../../models/text/recipe.ts'
import type { TrainingProgress } from '../trainers/linear/trainLinear.ts'
import type { TrainingPlan } from './plans.ts'
import type { Recipe, Train, Work } from './recipe.ts'

/** Settings that replace a figure of the recipe. */
const tuned = ['penaltyInverse', 'countRatioPower', 'idfPower', 'charactersScale'] as const

export function linear(plan: TrainingPlan): Recipe {
  const { recipe } = plan
  return {
    about: abouts[recipe.name] ?? 'a linear model of word and character n-grams',
    base: 'none',
    settings: {
      samples: { kind: 'whole', low: 1, high: 5_000_000, about: 'rows to learn from, drawn from all' },
      epochs: { kind: 'whole', low: 1, high: 1000, about: 'steps of the solver at most; each is a pass over the rows' },
      penaltyInverse: { kind: 'real', low: 1e-6, high: 1e9, about: 'the larger, the weaker the L2 penalty' },
      countRatioPower: { kind: 'real', low: 0, high: 4, about: 'how much the log-count ratio scales a feature' },
      idfPower: { kind: 'real', low: 0, high: 4, about: 'how much rarity scales a feature' },
      charactersScale: { kind: 'real', low: 0, high: 100, about: 'scale of character n-grams' },
      numbers: {
        kind: 'word',
        of: ['folded', 'both'],
        about: 'numbers of three digits and more as classes by length, or also as written',
      },
    },
    quick: { samples: 1000 },
    search: {
      space: {
        penaltyInverse: {
          kind: 'real',
          low: recipe.penaltyInverse / 100,
          high: recipe.penaltyInverse * 100,
          log: true,
        },
        countRatioPower: { kind: 'real', low: 0, high: 1.5 },
        idfPower: { kind: 'real', low: 0, high: 1 },
        ...(recipe.charactersScale > 0
          ? {
              charactersScale: {
                kind: 'real',
                low: recipe.charactersScale / 4,
                high: recipe.charactersScale * 4,
                log: true,
              },
            }
          : {}),
      },
      start: Object.fromEntries(
        tuned
          .filter((name) => name !== 'charactersScale' || recipe.charactersScale > 0)
          .map((name) => [name, recipe[name]]),
      ),
    },
    load: async () => trainer(plan),
  }
}

const abouts: Readonly<Record<string, string>> = {
  custom: 'a linear model for a task of your own, also with few or unbalanced rows',
  imdb: 'a linear model for many long reviews of two labels',
  sentiment: 'a linear model for reviews, posts and sentences together',
  severity: 'a linear model for log lines, behind the rule of stated severities',
}

async function trainer(plan: TrainingPlan): Promise<Train> {
  const { trainVersion } = await import('../trainers/trainVersion.ts')
  return async (work, { onEvent, signal }) => {
    const { job, texts } = work
    const { asked } = job
    const { artifact, evaluations, trained, leftOut } = await trainVersion({
      model: asked.model,
      task: asked.task,
      plan: { ...plan, recipe: recipeOf(plan.recipe, work) },
      seed: asked.seed,
      workers: job.threads,
      rows: texts.rows,
      data: { sha256: texts.sha256, sources: texts.sources },
      test: texts.test,
      engine: job.engine,
      createdAt: job.createdAt,
      onProgress: reporter(work, onEvent),
      signal,
    })
    return {
      artifact,
      evaluations,
      facts: {
        rows: trained.rows,
        heldOut: trained.calibration.rows,
        features: trained.features,
        steps: trained.steps,
        leftOut,
      },
    }
  }
}

function recipeOf(recipe: LinearRecipe, { parameters }: Work): LinearRecipe {
  const { epochs, numbers } = parameters
  const changed = Object.fromEntries(tuned.flatMap((name) => (name in parameters ? [[name, parameters[name]]] : [])))
  const options: LinearRecipe['options'] =
    numbers === 'folded' || numbers === 'both' ? { ...recipe.options, numbers } : recipe.options
  return { ...recipe, ...changed, options, ...(typeof epochs === 'number' ? { stepsMax: epochs } : {}) }
}

function reporter({ texts, progress }: Work, onEvent: (event: TrainingEvent) => void) {
  let phase: TrainingProgress['phase'] | null = null
  return (now: TrainingProgress): void => {
    if (now.phase !== phase) {
      phase = now.phase
      onEvent({ kind: 'phase', name: phaseNames[phase] })
    }
    progress(shareOf(now), now.phase === 'reading' ? `${now.done} rows` : '')
    if (now.phase !== 'fitting' || now.loss === null) return
    const rows = texts.rows.length
    onEvent({
      kind: 'point',
      step: now.done,
      epoch: now.done,
      rows: now.done * rows,
      loss: now.loss,
      ...(now.gradientNorm === null ? {} : { gradientNorm: now.gradientNorm }),
      rowsPerSecond: now.rowsPerSecond * rows,
      etaSeconds: now.etaSeconds,
    })
    if (now.heldOutLoss === null || now.heldOutAccuracy === null) return
    onEvent({
      kind: 'evaluated',
      epoch: now.done,
      rows: now.heldOutRows,
      metrics: { loss: now.heldOutLoss, accuracy: now.heldOutAccuracy },
    })
  }
}

const phaseNames: Readonly<Record<TrainingProgress['phase'], string>> = {
  reading: 'features',
  preparing: 'vocabulary',
  fitting: 'fitting',
  calibrating: 'calibrating',
}

/** Of the whole: features and vocabulary take about a third, the solver nearly all of the rest. */
function shareOf({ phase, done, total }: TrainingProgress): number | null {
  switch (phase) {
    case 'reading':
      return null
    case 'preparing':
      return 0.3
    case 'fitting':
      return 0.35 + 0.6 * (total === null || total === 0 ? 0 : Math.min(1, done / total))
    case 'calibrating':
      return 0.97
    default:
      return phase satisfies never
  }
}
