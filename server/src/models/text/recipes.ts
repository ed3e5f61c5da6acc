/** The recipes in the box. The numbers were chosen on development rows, never on a test split (docs/decisions/0002-solver.md). */
import type { LinearRecipe } from './recipe.ts'

/** Film reviews, negative or positive: many long rows, so word triples pay and everything else is left out. */
const imdb: LinearRecipe = {
  name: 'imdb',
  options: {
    words: 3,
    negation: false,
    punctuation: true,
    characters: null,
    lengthPower: 0.5,
    long: null,
    extra: null,
  },
  rowsMin: 2,
  featuresMax: 3_000_000,
  shippedMax: 1_000_000,
  countRatioPower: 1,
  ownScale: 1,
  longScale: 1,
  idfPower: 0.2,
  lexiconScale: 1,
  charactersScale: 0,
  penaltyInverse: 120,
  stepsMax: 40,
  earlyStopping: 8,
  heldOutShare: 0.03,
  labelBalance: 0,
}

/**
 * Reviews, posts and short sentences in one model: negative, neutral, positive. Reviews (60 to 140 tokens and more)
 * speak in long forms, under a penalty 400 times weaker than that of posts.
 */
const sentiment: LinearRecipe = {
  name: 'sentiment',
  options: {
    words: 3,
    negation: true,
    punctuation: false,
    characters: { min: 3, max: 5 },
    lengthPower: 0.5,
    long: { from: 60, to: 140 },
    extra: null,
  },
  rowsMin: 2,
  featuresMax: 3_000_000,
  shippedMax: 1_000_000,
  countRatioPower: 0.5,
  ownScale: 0.5,
  longScale: 20,
  idfPower: 0.3,
  lexiconScale: 1,
  charactersScale: 1,
  penaltyInverse: 1,
  stepsMax: 36,
  earlyStopping: 7,
  heldOutShare: 0.03,
  labelBalance: 0,
}

/** A person's own task: any labels, maybe few rows, maybe unbalanced. */
const custom: LinearRecipe = {
  name: 'custom',
  options: {
    words: 2,
    negation: true,
    punctuation: false,
    numbers: 'both',
    characters: { min: 3, max: 5 },
    lengthPower: 0.5,
    long: null,
    extra: null,
  },
  rowsMin: 1,
  featuresMax: 500_000,
  shippedMax: 300_000,
  countRatioPower: 0,
  ownScale: 1,
  longScale: 1,
  idfPower: 0.5,
  lexiconScale: 1,
  charactersScale: 0.5,
  penaltyInverse: 3,
  stepsMax: 100,
  earlyStopping: 5,
  heldOutShare: 0.1,
  labelBalance: 0.5,
}

export const recipes = { imdb, sentiment, custom } as const satisfies Record<string, LinearRecipe>

/** The recipe as the flat record that a manifest keeps. */
export function recipeParameters(recipe: LinearRecipe): Record<string, number | string | boolean> {
  const { name: _, options, ...numbers } = recipe
  const { characters, extra, long, ...plain } = options
  return {
    ...numbers,
    ...plain,
    charactersMin: characters?.min ?? 0,
    charactersMax: characters?.max ?? 0,
    longFrom: long?.from ?? 0,
    longTo: long?.to ?? 0,
    extra: extra ?? '',
  }
}
