/** How the words of the severity model are trained; the numbers were chosen on facility-disjoint folds. */
import type { LinearRecipe } from '../text/recipe.ts'

export const severityRecipe: LinearRecipe = {
  name: 'severity',
  options: {
    words: 3,
    negation: true,
    punctuation: false,
    characters: { min: 3, max: 5 },
    lengthPower: 0.5,
    long: null,
    extra: null,
  },
  rowsMin: 2,
  featuresMax: 1_000_000,
  shippedMax: 400_000,
  countRatioPower: 0,
  ownScale: 1,
  longScale: 1,
  idfPower: 1,
  lexiconScale: 1,
  charactersScale: 0.5,
  // Strong: on unseen facilities 0.05 is alike, 0.02 loses half a point, 1 and 10 lose two.
  penaltyInverse: 0.1,
  stepsMax: 100,
  earlyStopping: 10,
  heldOutShare: 0.04,
  // On devices 0 to 0.5 are alike; hosts say many more harmless lines than the manuals of devices list.
  labelBalance: 0.3,
}
