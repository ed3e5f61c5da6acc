/** What a linear model is made of, and the two terms of its sum (linearModel.ts) that scoring, explaining and training share. */
import { characterNgrams, type ExtraFeature, type FeatureOptions, type LongRange } from './features.ts'
import type { Tokens } from './tokens.ts'
import { findWeights, squared, type WeightTable } from './weightTable.ts'

/** How texts become numbers. Part of the artifact. */
export interface LinearOptions extends FeatureOptions {
  /** Lengths of the character n-grams that stand in for unknown words; null: unknown words weigh nothing. */
  readonly characters: { readonly min: number; readonly max: number } | null
  /** p of g = n^−p. */
  readonly lengthPower: number
  /** Where long texts have weights of their own; null: one set of weights for all. */
  readonly long: LongRange | null
  /** Name of the recipe's reader of extra features, or null. */
  readonly extra: string | null
}

export interface LinearParameters {
  readonly labels: readonly string[]
  readonly options: LinearOptions
  readonly temperature: number
  /** [columns] */
  readonly bias: Float64Array
  /** [columns] weight of q = 1 */
  readonly units: Float64Array
  readonly table: WeightTable
  readonly readExtra: ((text: string) => readonly ExtraFeature[]) | null
}

/** g = n^−p: longer texts have more features, each of which says less. */
export function lengthScale(features: number, power: number): number {
  return features > 1 ? features ** -power : 1
}

const ngramScratch: number[] = []

/** Adds what the character n-grams of token `t` weigh together. */
export function addCharacters(tokens: Tokens, t: number, parameters: LinearParameters, sums: Float64Array): void {
  const { table, options } = parameters
  if (options.characters === null) return
  const { min, max } = options.characters
  for (const ngram of characterNgrams(tokens.units, tokens.unitStart[t], tokens.unitEnd[t], min, max, ngramScratch)) {
    const at = findWeights(table, ngram)
    if (at < 0) continue
    for (let k = 0; k < table.columns; k++) sums[k] += squared(table.bytes[at + k])
  }
}
