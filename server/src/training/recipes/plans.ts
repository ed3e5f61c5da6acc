/** The ways to train that have a name: the recipe, and what is done to a text before and to the model after it. */
import type { Manifest } from '../../domain/version.ts'
import { severityLexicon } from '../../models/logs/lexicon.ts'
import { readings } from '../../models/logs/readings.ts'
import { severityRecipe } from '../../models/logs/recipe.ts'
import { severityLabels, severityModel, severityRule } from '../../models/logs/severityModel.ts'
import type { LexiconGroup, LinearRecipe } from '../../models/text/recipe.ts'
import { recipes } from '../../models/text/recipes.ts'
import type { TextModel } from '../../models/textModel.ts'

export interface TrainingPlan {
  readonly kind: Manifest['kind']
  readonly recipe: LinearRecipe
  readonly lexicon: readonly LexiconGroup[]
  /** The labels that the data must have; null for any. */
  readonly labels: readonly string[] | null
  /** What of a text is learned from. */
  readonly learns: (text: string) => string
  /** The model as it is served, which takes texts as they are. */
  readonly serves: (learned: TextModel) => TextModel
  /** What the manifest keeps beside the recipe's own parameters. */
  readonly parameters: Readonly<Record<string, number | string | boolean>>
}

const same = <T>(value: T): T => value

function linear(recipe: LinearRecipe): TrainingPlan {
  return { kind: 'linear', recipe, lexicon: [], labels: null, learns: same, serves: same, parameters: {} }
}

const severity: TrainingPlan = {
  kind: 'severity',
  recipe: severityRecipe,
  lexicon: severityLexicon,
  labels: severityLabels,
  learns: (line) => readings[severityRule.reading](line).words,
  serves: (words) => severityModel(words),
  parameters: { ...severityRule },
}

/** `linear` is for a task of one's own. */
export const trainingPlans: Readonly<Record<string, TrainingPlan>> = {
  linear: linear(recipes.custom),
  imdb: linear(recipes.imdb),
  sentiment: linear(recipes.sentiment),
  severity,
}
