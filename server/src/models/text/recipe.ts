/** What a recipe decides about a linear text model. Pure data: the manifest keeps it. */
import type { LinearOptions } from './linearParameters.ts'

/** A named group of words that share a weight beside their own: `positive-3` → good, great … */
export interface LexiconGroup {
  readonly name: string
  readonly words: readonly string[]
}

export interface LinearRecipe {
  readonly name: string
  readonly options: LinearOptions
  /** A feature needs to occur in this many training rows to get a weight. */
  readonly rowsMin: number
  /** The most frequent features are kept for training, at most these. */
  readonly featuresMax: number
  /** The heaviest features are kept for shipping, at most these. */
  readonly shippedMax: number
  /** A feature's weight is scaled by ownScale · |log-count ratio|^countRatioPower · idf^idfPower. */
  readonly ownScale: number
  readonly countRatioPower: number
  readonly idfPower: number
  /** Scale of the weights of lexicon groups and of character n-grams; a word's own scale is the line above. */
  /** Scale of the weights of long forms beside those of short ones. */
  readonly longScale: number
  readonly lexiconScale: number
  readonly charactersScale: number
  /** Inverse strength of the L2 penalty: the objective is Σ weight · loss + ‖θ‖² / (2 · penaltyInverse). */
  readonly penaltyInverse: number
  /** Steps of the solver at most; fewer where the held-out loss stops falling. */
  readonly stepsMax: number
  /** Stop after this many steps without a better held-out loss. */
  readonly earlyStopping: number
  /** Share of the rows that is held out for early stopping and calibration. */
  readonly heldOutShare: number
  /** 0: rows weigh alike; 1: labels weigh alike. */
  readonly labelBalance: number
}
