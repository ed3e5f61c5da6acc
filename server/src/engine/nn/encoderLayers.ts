/** The body of BERT and its kin: embeddings, then layers of attention and feed-forward with residuals. */
import type { Value } from '../graph/ir.ts'
import { add, gelu, relu, slice } from '../graph/ops.ts'
import { attention, paddingBias } from './attention.ts'
import type { Build } from './build.ts'
import { type Family, type LayerNames, namesOf } from './families.ts'
import type { Initial, ParameterPlan } from './initialise.ts'
import { layerNormPlan, normalise } from './layerNorm.ts'
import { linear, linearPlan } from './linear.ts'
import type { Tokens } from './tokens.ts'

export interface EncoderConfig {
  readonly family: Family
  readonly vocabulary: number
  readonly width: number
  readonly layers: number
  readonly heads: number
  /** Of the hidden layer of each feed-forward; 4 × width in all known models. */
  readonly inner: number
  /** Rows of the position table. */
  readonly positions: number
  /** The position of the first token: 0; in RoBERTa 2, after the padding's own. */
  readonly firstPosition: number
  /** Rows of the token type table; 0 where the family has none. Every token here is of type 0. */
  readonly typeVocabulary: number
  /** Norms after each residual (Vaswani 2017, BERT) or before each branch (Xiong et al. 2020), which trains without warm-up. */
  readonly norm: 'post' | 'pre'
  readonly epsilon: number
  readonly activation: Activation
  readonly dropout: Dropout
}

export type Activation = 'gelu' | 'gelu-tanh' | 'relu'

/** Rates, by place. */
export interface Dropout {
  readonly embeddings: number
  /** Of the attention's probabilities. */
  readonly attention: number
  readonly attentionOutput: number
  /** After the activation inside the feed-forward. */
  readonly inner: number
  readonly output: number
  /** Of the row's vector before the classifier, and of the classifier's hidden layer. */
  readonly pooled: number
  readonly head: number
}

/** The same rate at the places where BERT has it. */
export function dropoutOf(rate: number): Dropout {
  return { embeddings: rate, attention: rate, attentionOutput: rate, inner: 0, output: rate, pooled: 0, head: rate }
}

/**
 * [tokens, width] of all tokens, or [rows, width] of the first token of each row.
 *
 * Of the last layer, the classifier sees the first token alone, so only that one asks, and only its feed-forward is
 * computed: the same result for 10/12 of a layer's multiplications less.
 */
export function encode(build: Build, tokens: Tokens, config: EncoderConfig, wanted: 'all' | 'first'): Value {
  const names = namesOf(config.family)
  const bias = paddingBias(build, tokens)
  let x = embed(build, tokens, config)
  for (let index = 0; index < config.layers; index++) {
    const first = wanted === 'first' && index === config.layers - 1
    x = layer(build, tokens, x, bias, config, { names: names.layer(index), place: `layer.${index}`, first })
  }
  return config.norm === 'pre' ? normalise(build, x, names.finalNorm, config.epsilon) : x
}

/** word + position (+ type 0), then a norm where norms come after. [tokens, width] */
function embed(build: Build, tokens: Tokens, config: EncoderConfig): Value {
  const { g, weight } = build
  const names = namesOf(config.family)
  let places = tokens.places(weight(`${names.position}.weight`), config.firstPosition)
  if (config.typeVocabulary > 0) places = add(g, places, slice(g, weight(`${names.type}.weight`), 0, 0, 1))
  const x = tokens.placed(build.rows(`${names.word}.weight`, tokens.ids), places)
  const ready = config.norm === 'post' ? normalise(build, x, names.embeddingNorm, config.epsilon) : x
  return build.dropout(ready, config.dropout.embeddings, 'embeddings')
}

interface Place {
  readonly names: LayerNames
  readonly place: string
  readonly first: boolean
}

/** post: y = norm(x + attention(x)), z = norm(y + f(y));  pre: y = x + attention(norm(x)), z = y + f(norm(y)). */
function layer(
  build: Build,
  tokens: Tokens,
  x: Value,
  bias: Value,
  config: EncoderConfig,
  { names, place, first }: Place,
): Value {
  const { g } = build
  const { dropout, epsilon, heads } = config
  const post = config.norm === 'post'
  const norm = (y: Value, name: string): Value => normalise(build, y, name, epsilon)
  const firsts = (y: Value): Value => (first ? tokens.firsts(y) : y)

  const over = post ? x : norm(x, names.attentionNorm)
  const from = firsts(over)
  const settings = { names, heads, dropout: dropout.attention, place: `${place}.attention` }
  const context = attention(build, tokens, { from, over, bias }, settings)
  const attended = build.dropout(
    linear(build, context, names.attentionOutput),
    dropout.attentionOutput,
    `${place}.attentionOutput`,
  )
  const kept = post ? from : firsts(x)
  const y = post ? norm(add(g, kept, attended), names.attentionNorm) : add(g, kept, attended)

  const hidden = activate(build, linear(build, post ? y : norm(y, names.outputNorm), names.inner), config.activation)
  const inner = build.dropout(hidden, dropout.inner, `${place}.inner`)
  const output = build.dropout(linear(build, inner, names.output), dropout.output, `${place}.output`)
  const z = add(g, y, output)
  return post ? norm(z, names.outputNorm) : z
}

export function activate({ g }: Build, x: Value, activation: Activation): Value {
  switch (activation) {
    case 'gelu':
      return gelu(g, x)
    case 'gelu-tanh':
      return gelu(g, x, 'tanh')
    case 'relu':
      return relu(g, x)
    default:
      return activation satisfies never
  }
}

/** As Hugging Face starts them: matrices and tables from N(0, 0.02²), biases 0, gains 1. */
export const BERT_INITIAL: Initial = { kind: 'normal', deviation: 0.02 }

export function encoderPlan(config: EncoderConfig): ParameterPlan[] {
  const names = namesOf(config.family)
  const { width, inner } = config
  const table = (name: string, rows: number): ParameterPlan => ({
    name: `${name}.weight`,
    shape: [rows, width],
    initial: BERT_INITIAL,
    decays: true,
  })
  const square = (name: string) => linearPlan(name, width, width, BERT_INITIAL)
  const layers = Array.from({ length: config.layers }, (_, index) => {
    const at = names.layer(index)
    return [
      ...square(at.query),
      ...square(at.key),
      ...square(at.value),
      ...square(at.attentionOutput),
      ...layerNormPlan(at.attentionNorm, width),
      ...linearPlan(at.inner, width, inner, BERT_INITIAL),
      ...linearPlan(at.output, inner, width, BERT_INITIAL),
      ...layerNormPlan(at.outputNorm, width),
    ]
  })
  return [
    table(names.word, config.vocabulary),
    table(names.position, config.positions),
    ...(config.typeVocabulary > 0 ? [table(names.type, config.typeVocabulary)] : []),
    ...(config.norm === 'post' ? layerNormPlan(names.embeddingNorm, width) : []),
    ...layers.flat(),
    ...(config.norm === 'pre' ? layerNormPlan(names.finalNorm, width) : []),
  ]
}
