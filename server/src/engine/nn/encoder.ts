/** Encoder classifiers: BERT, DistilBERT, RoBERTa, XLM-R, and what is made from scratch in their image. */
import type { ParameterSpec, Trainable } from '../fit/trainable.ts'
import { GraphBuilder } from '../graph/builder.ts'
import type { Value } from '../graph/ir.ts'
import { relu, tanh } from '../graph/ops.ts'
import { sizeOf } from '../graph/tensor.ts'
import { toOnnx } from '../graph/toOnnx.ts'
import type { OnnxModel } from '../onnx/model.ts'
import { meanOverTokens } from './attention.ts'
import type { Build } from './build.ts'
import { BERT_INITIAL, type EncoderConfig, encode, encoderPlan } from './encoderLayers.ts'
import { namesOf } from './families.ts'
import { initialise, type Known, type ParameterPlan } from './initialise.ts'
import { linear, linearPlan } from './linear.ts'
import { crossEntropy, mixed, weightedMean } from './losses.ts'
import { servingBuild, servingModel, type Weights } from './serving.ts'
import { evaluationStep, type Result, trainingStep } from './steps.ts'
import { fixedTokens, openTokens, packedTokens, type Tokens } from './tokens.ts'

export interface ClassifierConfig extends EncoderConfig {
  readonly labels: number
  /** One vector a row: that of its first token, or the mean over its tokens. */
  readonly pooling: 'cls' | 'mean'
  /** A hidden layer before the classifier: tanh in BERT and RoBERTa, relu in DistilBERT. */
  readonly head: 'linear' | 'tanh' | 'relu'
}

/** Distillation: the teacher's probabilities beside the labels. */
export interface Distillation {
  readonly temperature: number
  /** Of the teacher's part in the loss. */
  readonly share: number
}

export interface ClassifierOptions {
  readonly seed: number
  /** Values known already; a parameter that is not known starts afresh (the head of a classifier for new labels). */
  readonly known?: Known
  readonly learns?: (name: string) => boolean
  readonly distillation?: Distillation
}

/**
 * Feeds of a step: `input_ids` and `attention_mask` int64 [rows, length], `targets` float32 [rows, labels],
 * `row_weights` float32 [rows]; with distillation also `teacher` float32 [rows, labels], its probabilities.
 */
export function encoderClassifier(config: ClassifierConfig, options: ClassifierOptions): Trainable {
  const parameters = initialise(classifierPlan(config), options.seed, options.known, options.learns)
  const body =
    (rows: number, length: number) =>
    (build: Build): Result => {
      const { g } = build
      const logits = classify(build, fixedTokens(g, rows, length), config)
      const targets = g.input('targets', 'float32', [rows, config.labels])
      const weights = g.input('row_weights', 'float32', [rows])
      const hard = crossEntropy(g, logits, targets)
      const { distillation } = options
      if (distillation === undefined) return { logits, loss: weightedMean(g, hard, weights) }
      const teacher = g.input('teacher', 'float32', [rows, config.labels])
      const soft = crossEntropy(g, logits, teacher, distillation.temperature)
      return { logits, loss: weightedMean(g, mixed(g, hard, soft, distillation.share), weights) }
    }
  return {
    parameters,
    step: ({ rows, length }) => trainingStep(parameters, body(rows, length)),
    evaluationStep: ({ rows, length }) => evaluationStep(parameters, body(rows, length)),
  }
}

/**
 * The model that serves: `input_ids` and `attention_mask` int64 [batch, tokens] → `logits` float32 [batch, labels].
 *
 * @param layout `packed` leaves padding out between the attentions (tokens.ts): the same logits for less work, in a graph
 *               that is not imported again. Default: `plain`.
 */
export function encoderServing(
  config: ClassifierConfig,
  weights: Weights,
  layout: 'plain' | 'packed' = 'plain',
): OnnxModel {
  const g = new GraphBuilder()
  const tokens = layout === 'packed' ? packedTokens(g) : openTokens(g)
  const logits = classify(servingBuild(g, weights), tokens, config)
  g.output(logits, 'logits')
  return servingModel(toOnnx(g.finish()), {
    input_ids: ['batch', 'tokens'],
    attention_mask: ['batch', 'tokens'],
    logits: ['batch', config.labels],
  })
}

/** [rows, labels], before any temperature. */
function classify(build: Build, tokens: Tokens, config: ClassifierConfig): Value {
  const { g } = build
  const names = namesOf(config.family)
  const encoded = encode(build, tokens, config, config.pooling === 'cls' ? 'first' : 'all')
  const pooled = config.pooling === 'cls' ? encoded : meanOverTokens(build, tokens, encoded)
  const x = build.dropout(pooled, config.dropout.pooled, 'pooled')
  if (config.head === 'linear') return linear(build, x, names.classifier)
  const hidden = linear(build, x, names.hidden)
  const active = config.head === 'tanh' ? tanh(g, hidden) : relu(g, hidden)
  return linear(build, build.dropout(active, config.dropout.head, 'head'), names.classifier)
}

export function classifierPlan(config: ClassifierConfig): ParameterPlan[] {
  const names = namesOf(config.family)
  return [
    ...encoderPlan(config),
    ...(config.head === 'linear' ? [] : linearPlan(names.hidden, config.width, config.width, BERT_INITIAL)),
    ...linearPlan(names.classifier, config.width, config.labels, BERT_INITIAL),
  ]
}

export function parameterCount(parameters: readonly ParameterSpec[]): number {
  return parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
}
