/** Every way to train that has a name. Only what is asked for is loaded. */
import { trainingPlans } from '../plans.ts'
import { linear } from './linear.ts'
import type { Recipe } from './recipe.ts'

export const recipes: Readonly<Record<string, Recipe>> = Object.fromEntries(
  Object.entries(trainingPlans).map(([name, plan]) => [name, linear(plan)]),
)
