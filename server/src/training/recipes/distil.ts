/** Distillation as a job: what the model that --from names says of the texts is learned by a smaller one. */

import { transformerRecipes } from '../../models/text/transformer/recipes.ts'
import { verifyArtifact } from '../../versions/artifacts/folder.ts'
import type { Student } from '../trainers/transformer/distil.ts'
import { baseOf, linearPlans } from './cascade.ts'
import type { Recipe, Train, Work } from './recipe.ts'
import { recipeOf, transformer } from './transformer.ts'

const students = [...linearPlans, 'transformer'] as const

export const distil: Recipe = {
  about: 'a small model that learns what the one --from names says of the texts',
  base: 'required',
  unlabelled: true,
  settings: {
    ...transformer.settings,
    student: { kind: 'word', of: students, about: 'what learns' },
    temperature: { kind: 'real', low: 1, high: 20, about: 'above 1 the second thoughts count for more (transformers)' },
    share: { kind: 'real', low: 0.01, high: 1, about: "the teacher's part where the label is known" },
    ignoreLabels: { kind: 'flag', about: 'learn from the texts alone, whatever their labels say' },
  },
  quick: { samples: 1000, epochs: 1 },
  search: null,
  load: trainer,
}

async function trainer(): Promise<Train> {
  const { distil } = await import('../trainers/transformer/distil.ts')
  return async (work, needs) => {
    const { job, texts, parameters } = work
    const { asked } = job
    const ignores = parameters['ignoreLabels'] === true
    return await distil(
      {
        model: asked.model,
        task: asked.task,
        teacher: await verifyArtifact(baseOf(work)),
        student: await studentOf(work),
        temperature: numberOr(parameters['temperature'], 2),
        share: numberOr(parameters['share'], 0.5),
        texts: [...texts.unlabelled, ...(ignores ? texts.rows.map(({ text }) => text) : [])],
        rows: ignores ? [] : texts.rows,
        seed: asked.seed,
        threads: job.threads,
        data: { sha256: texts.sha256, sources: texts.sources },
        test: texts.test,
        engine: job.engine,
        createdAt: job.createdAt,
      },
      needs,
    )
  }
}

async function studentOf({ job, parameters }: Work): Promise<Student> {
  const { trainingPlans } = await import('./plans.ts')
  const { student = 'linear' } = parameters
  if (student !== 'transformer') return { kind: 'linear', plan: trainingPlans[String(student)] }
  const recipe = recipeOf({ job: { ...job, base: null }, parameters })
  return { kind: 'transformer', recipe: { ...recipe, name: transformerRecipes.small.name } }
}

function numberOr(value: unknown, fallback: number): number {
  return typeof value === 'number' ? value : fallback
}
