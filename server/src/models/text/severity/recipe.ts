/** How the words of the severity model are trained; the numbers were chosen on facility-disjoint folds. */
import type { LinearRecipe } from '../recipe.ts'

export const severityRecipe: LinearRecipe = {
  name: 'severity',
  options: {
    words: 2,
    negation: true,
    punctuation: false,
    characters: { min: 3, max: 5 },
    lengthPower: 0.5,
    long: null,
    extra: null,
  },
  rowsMin: 2,
  featuresMax: 1_000_000,
  shippedMax: 250_000,
  countRatioPower: 0,
  ownScale: 1,
  longScale: 1,
  idfPower: 1,
  lexiconScale: 1,
  charactersScale: 0.5,
  // Strong: 0.1 and 0.02 lose half a point on unseen facilities, 1 and 10 lose two.
  penaltyInverse: 0.05,
  stepsMax: 100,
  patience: 10,
  heldOutShare: 0.04,
  labelBalance: 0,
}
