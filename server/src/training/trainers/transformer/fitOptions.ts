/** What a recipe means to the trainer. */
import { adamWDefaults } from '../../../engine/fit/adamw.ts'
import { chooseBuckets } from '../../../engine/fit/chooseBuckets.ts'
import type { FitOptions } from '../../../engine/fit/fit.ts'
import type { Bucket } from '../../../engine/fit/trainable.ts'
import type { TransformerRecipe } from '../../../models/text/transformer/recipe.ts'

/** A killed run loses at most this much work. */
const CHECKPOINT_SECONDS = 60

export function fitOptions(
  recipe: TransformerRecipe,
  asked: Pick<FitOptions, 'seed' | 'threads' | 'buckets' | 'identity'>,
): FitOptions {
  return {
    ...asked,
    epochs: recipe.epochs,
    accumulate: recipe.batch / rowsAtOnce(recipe),
    learningRate: recipe.learningRate,
    schedule: { kind: recipe.decline, warmUpShare: recipe.warmUpShare, floor: 0 },
    adamw: { ...adamWDefaults, decay: recipe.decay },
    clip: recipe.clip,
    ...(recipe.averaging > 0 ? { averaging: recipe.averaging } : {}),
    earlyStopping: recipe.earlyStopping,
    watch: { metric: 'loss', better: 'lower' },
    checkpointSeconds: CHECKPOINT_SECONDS,
  }
}

/** More of them pad less, and each is a session with memory of its own. */
const BUCKETS = 5
const BUCKET_STEP = 16

export function bucketsFor(lengths: Uint32Array, recipe: TransformerRecipe, lengthMax: number): Bucket[] {
  return chooseBuckets(lengths, { rows: rowsAtOnce(recipe), lengthMax, count: BUCKETS, step: BUCKET_STEP })
}

/** The most rows that a batch can be cut into evenly. */
function rowsAtOnce({ batch, rowsAtOnce }: TransformerRecipe): number {
  let rows = Math.min(batch, rowsAtOnce)
  while (batch % rows !== 0) rows--
  return rows
}
