/** The transformer recipes as a job: from scratch, or from the weights of another version. */

import { Fault } from '../../domain/faults.ts'
import type { TransformerRecipe } from '../../models/text/transformer/recipe.ts'
import { transformerRecipes } from '../../models/text/transformer/recipes.ts'
import { verifyArtifact } from '../../versions/artifacts/folder.ts'
import type { TransformerBase } from '../trainers/transformer/transformerBase.ts'
import type { Recipe, SettingForm, Train, Work } from './recipe.ts'

const settings = {
  samples: { kind: 'whole', low: 1, high: 5_000_000, about: 'rows to learn from, drawn from all' },
  epochs: { kind: 'whole', low: 1, high: 1000, about: 'passes over the rows' },
  batch: { kind: 'whole', low: 1, high: 4096, about: 'rows of a step' },
  rowsAtOnce: { kind: 'whole', low: 1, high: 4096, about: 'rows worked on at once; a divisor of batch saves memory' },
  learningRate: { kind: 'real', low: 1e-8, high: 1, about: 'at its highest' },
  warmUpShare: { kind: 'real', low: 0, high: 1, about: 'share of the steps in which the rate rises' },
  decline: { kind: 'word', of: ['linear', 'cosine'], about: 'how the rate falls afterwards' },
  decay: { kind: 'real', low: 0, high: 10, about: 'weight decay' },
  clip: { kind: 'real', low: 1e-6, high: 1e6, about: 'most that the norm of a gradient may be' },
  averaging: { kind: 'real', low: 0, high: 0.9999, about: 'of the weights over the steps; 0 for none' },
  earlyStopping: {
    kind: 'whole',
    low: 1,
    high: 1000,
    about: 'epochs without a better held-out loss after which it ends',
  },
  smoothing: { kind: 'real', low: 0, high: 0.99, about: 'share of a label that is spread over all' },
  labelBalance: { kind: 'real', low: 0, high: 1, about: '0: rows weigh alike; 1: labels weigh alike' },
  wordDropout: { kind: 'real', low: 0, high: 0.9, about: 'share of words that are hidden while it learns' },
  maxLength: { kind: 'whole', low: 8, high: 4096, about: 'tokens of a text that are seen' },
  keep: { kind: 'word', of: ['head', 'head-and-tail'], about: 'what is kept of a longer text' },
  heldOutShare: { kind: 'real', low: 0.001, high: 0.5, about: 'share of the rows that is held out' },
  pretrainEpochs: {
    kind: 'whole',
    low: 0,
    high: 1000,
    about: 'epochs of masked-word pre-training before the labels are used',
  },
  pretrainLearningRate: { kind: 'real', low: 1e-8, high: 1, about: 'of those' },
} as const satisfies Readonly<Record<string, SettingForm>>

/** Of a body from scratch. */
const shapeSettings = {
  vocabulary: { kind: 'whole', low: 100, high: 200_000, about: 'tokens of its own vocabulary' },
  width: { kind: 'whole', low: 8, high: 4096, about: 'numbers of a token' },
  layers: { kind: 'whole', low: 1, high: 48, about: 'layers' },
  heads: { kind: 'whole', low: 1, high: 64, about: 'heads of attention; they divide the width' },
  inner: { kind: 'whole', low: 8, high: 16_384, about: 'width of the hidden layer of each feed-forward' },
  pooling: { kind: 'word', of: ['cls', 'mean'], about: 'what the tokens come down to' },
  norm: { kind: 'word', of: ['pre', 'post'], about: 'where the layer norms stand' },
  dropout: { kind: 'real', low: 0, high: 0.9, about: 'rate of dropout' },
  attentionDropout: { kind: 'real', low: 0, high: 0.9, about: 'of attention' },
} as const satisfies Readonly<Record<string, SettingForm>>

const { decay, warmUpShare, smoothing, wordDropout } = transformerRecipes.small

export const transformer: Recipe = {
  about: 'an encoder: from scratch with a vocabulary of its own, or --from hf:… or NAME@VERSION',
  base: 'optional',
  unlabelled: true,
  settings: { ...settings, ...shapeSettings },
  quick: { samples: 1000, epochs: 1 },
  // Rates scale what the recipe has, since from scratch and from another's weights they lie far apart.
  search: {
    space: {
      learningRateScale: { kind: 'real', low: 0.1, high: 10, log: true },
      decay: { kind: 'real', low: 1e-3, high: 2, log: true },
      warmUpShare: { kind: 'real', low: 0, high: 0.3 },
      smoothing: { kind: 'choice', of: [0, 0.05, 0.1] },
      wordDropout: { kind: 'choice', of: [0, 0.1, 0.2, 0.3] },
    },
    start: { learningRateScale: 1, decay, warmUpShare, smoothing, wordDropout },
  },
  load: trainer,
}

async function trainer(): Promise<Train> {
  const { trainTransformer } = await import('../trainers/transformer/trainTransformer.ts')
  return async (work, needs) => {
    const { job, texts } = work
    const { asked } = job
    const recipe = recipeOf(work)
    if (texts.unlabelled.length > 0 && recipe.pretrainEpochs === 0)
      throw new Fault('bad_request', { say: 'Texts without labels are for pre-training: --set pretrainEpochs=2.' })
    return await trainTransformer(
      {
        model: asked.model,
        task: asked.task,
        recipe,
        seed: asked.seed,
        threads: job.threads,
        rows: texts.rows,
        data: { sha256: texts.sha256, sources: texts.sources },
        test: texts.test,
        base: job.base === null ? null : await openStart(job.base, work),
        unlabelled: texts.unlabelled,
        engine: job.engine,
        createdAt: job.createdAt,
      },
      needs,
    )
  }
}

/** What lies in a folder: a version of ours, or a checkpoint as the Hub has it. */
async function openStart(folder: string, { job: { asked }, texts }: Work): Promise<TransformerBase> {
  const { isCheckpoint, openCheckpoint } = await import('../trainers/transformer/openCheckpoint.ts')
  if (await isCheckpoint(folder)) return openCheckpoint(folder, asked.from ?? folder, texts.rows, asked.seed)
  const { openBase } = await import('../trainers/transformer/transformerBase.ts')
  return openBase(await verifyArtifact(folder))
}

/** The recipe with what was asked otherwise. A smaller batch than what is worked on at once bounds that, too. */
export function recipeOf({ job, parameters }: Pick<Work, 'job' | 'parameters'>): TransformerRecipe {
  const recipe = job.base === null ? transformerRecipes.small : transformerRecipes.fineTune
  const { learningRateScale } = parameters
  const changed: TransformerRecipe = {
    ...recipe,
    ...picked(parameters, settings),
    ...(recipe.shape === null ? {} : { shape: { ...recipe.shape, ...picked(parameters, shapeSettings) } }),
  }
  const learningRate = changed.learningRate * (typeof learningRateScale === 'number' ? learningRateScale : 1)
  return { ...changed, learningRate, rowsAtOnce: Math.min(changed.rowsAtOnce, changed.batch) }
}

/** Those of the parameters that the settings name; each was checked against its form when it was asked for. */
function picked(parameters: Work['parameters'], of: Readonly<Record<string, SettingForm>>): object {
  return Object.fromEntries(
    Object.entries(parameters).filter(([name]) => name !== 'samples' && Object.hasOwn(of, name)),
  )
}
