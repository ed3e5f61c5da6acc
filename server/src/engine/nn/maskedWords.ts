/** Pre-training an encoder on text without labels: some words are hidden, and it says which they were. */
import type { Bucket, Trainable } from '../fit/trainable.ts'
import { gather, gemm } from '../graph/ops.ts'
import type { Build } from './build.ts'
import { activate, BERT_INITIAL, type EncoderConfig, encode, encoderPlan } from './encoderLayers.ts'
import { namesOf } from './families.ts'
import { initialise, type Known, type ParameterPlan } from './initialise.ts'
import { layerNormPlan, normalise } from './layerNorm.ts'
import { linear, linearPlan } from './linear.ts'
import { indexCrossEntropy, weightedMean } from './losses.ts'
import { evaluationStep, type Result, trainingStep } from './steps.ts'
import { fixedTokens } from './tokens.ts'

/** Of the tokens of a batch; Devlin et al. 2018, §3.1. */
export const HIDDEN_SHARE = 0.15

/** How many words of a batch are asked for: the length of the feeds that name them. What is not used has weight 0. */
export function wordsAsked({ rows, length }: Bucket): number {
  return Math.max(1, Math.ceil(rows * length * HIDDEN_SHARE))
}

/**
 * Masked words with a decoder tied to the word table: z = norm(act(x·Wᵀ + b))·Eᵀ + c over the vocabulary.
 *
 * Feeds of a step: `input_ids`, `attention_mask` int64 [rows, length] (with the words hidden already), `word_positions`
 * int64 [asked] (row·length + place), `word_targets` int64 [asked], `row_weights` float32 [asked]; asked = wordsAsked(bucket).
 * The logits of an evaluation are [asked, vocabulary]. Devlin et al. 2018, §3.1; Press & Wolf 2017 (tying).
 */
export function maskedWords(
  config: EncoderConfig,
  options: { readonly seed: number; readonly known?: Known },
): Trainable {
  const parameters = initialise(maskedWordsPlan(config), options.seed, options.known)
  const names = namesOf(config.family)
  const body =
    (bucket: Bucket) =>
    (build: Build): Result => {
      const { g } = build
      const asked = wordsAsked(bucket)
      const all = encode(build, fixedTokens(g, bucket.rows, bucket.length), config, 'all')
      const x = gather(g, all, g.input('word_positions', 'int64', [asked]))
      const hidden = activate(build, linear(build, x, names.wordHidden), config.activation)
      const ready = normalise(build, hidden, names.wordNorm, config.epsilon)
      const logits = gemm(g, ready, build.tied(`${names.word}.weight`), build.weight(names.wordBias), { transB: true })
      const each = indexCrossEntropy(g, logits, g.input('word_targets', 'int64', [asked]))
      return { logits, loss: weightedMean(g, each, g.input('row_weights', 'float32', [asked])) }
    }
  return {
    parameters,
    step: (bucket) => trainingStep(parameters, body(bucket)),
    evaluationStep: (bucket) => evaluationStep(parameters, body(bucket)),
  }
}

function maskedWordsPlan(config: EncoderConfig): ParameterPlan[] {
  const names = namesOf(config.family)
  return [
    ...encoderPlan(config),
    ...linearPlan(names.wordHidden, config.width, config.width, BERT_INITIAL),
    ...layerNormPlan(names.wordNorm, config.width),
    { name: names.wordBias, shape: [config.vocabulary], initial: { kind: 'constant', value: 0 }, decays: false },
  ]
}
