/** Every way to train that has a name. Only what is asked for is loaded. */

import { cascade } from './cascade.ts'
import { distil } from './distil.ts'
import { linear } from './linear.ts'
import { lstm } from './lstm.ts'
import { trainingPlans } from './plans.ts'
import type { Recipe } from './recipe.ts'
import { transformer } from './transformer.ts'

export const recipes: Readonly<Record<string, Recipe>> = {
  linear: linear(trainingPlans.linear),
  transformer,
  lstm,
  cascade,
  distil,
  imdb: linear(trainingPlans.imdb),
  sentiment: linear(trainingPlans.sentiment),
  severity: linear(trainingPlans.severity),
}
