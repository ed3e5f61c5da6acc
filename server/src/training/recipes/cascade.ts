/** The cascade as a job: a linear model in front of the transformer that --from names. */

import { Fault } from '../../domain/faults.ts'
import type { LossAllowed } from '../../models/text/cascade/chooseThreshold.ts'
import { verifyArtifact } from '../../versions/artifacts/folder.ts'
import type { Recipe, Train, Work } from './recipe.ts'

/** Of the plans for texts with labels of any kind. */
export const linearPlans = ['linear', 'imdb', 'sentiment'] as const

export const cascade: Recipe = {
  about: 'a linear model that answers what it is sure of, and the transformer --from names for the rest',
  base: 'required',
  settings: {
    samples: { kind: 'whole', low: 1, high: 5_000_000, about: 'rows to learn from, drawn from all' },
    linear: { kind: 'word', of: linearPlans, about: 'the recipe of the linear model' },
    loss: {
      kind: 'real',
      low: 0,
      high: 1,
      about: 'share of the rows that may be lost; by default none that a test finds',
    },
    level: { kind: 'real', low: 0.001, high: 0.5, about: 'of that test' },
  },
  quick: { samples: 1000 },
  search: null,
  load: trainer,
}

async function trainer(): Promise<Train> {
  const { trainCascade } = await import('../trainers/cascade/trainCascade.ts')
  const { trainingPlans } = await import('./plans.ts')
  return async (work, needs) => {
    const { job, texts, parameters } = work
    const { asked } = job
    return await trainCascade(
      {
        model: asked.model,
        task: asked.task,
        transformer: await verifyArtifact(baseOf(work)),
        plan: trainingPlans[String(parameters['linear'] ?? 'linear')],
        allowed: allowedBy(parameters),
        seed: asked.seed,
        threads: job.threads,
        rows: texts.rows,
        data: { sha256: texts.sha256, sources: texts.sources },
        test: texts.test,
        engine: job.engine,
        createdAt: job.createdAt,
      },
      needs,
    )
  }
}

function allowedBy({ loss, level }: Work['parameters']): LossAllowed {
  if (typeof loss === 'number') return { kind: 'at-most', loss }
  return { kind: 'none-significant', level: typeof level === 'number' ? level : 0.05 }
}

/** The folder of the version that --from names; it is required, and was checked. */
export function baseOf({ job }: Work): string {
  if (job.base === null) throw new Fault('bad_request', { say: `${job.asked.recipe} needs a model to start --from.` })
  return job.base
}
