/** A body learns from texts without labels, by saying which words were hidden from it. */
import { join } from 'node:path'
import { adamWDefaults } from '../../../engine/fit/adamw.ts'
import { lengthsOf } from '../../../engine/fit/examples.ts'
import { fit } from '../../../engine/fit/fit.ts'
import { maskedWords } from '../../../engine/nn/maskedWords.ts'
import type { Tokenizer } from '../../../engine/tokenize/tokenizer.ts'
import { specialTokens } from '../../../models/text/wordPiece/buildVocabulary.ts'
import type { TrainerNeeds } from '../trainer.ts'
import { bucketsFor, fitOptions } from './fitOptions.ts'
import { encodeTexts, hiddenWordExamples } from './textExamples.ts'
import { classifierConfig, type FromScratch, type Weights } from './transformerBase.ts'

export interface Pretrain {
  readonly recipe: FromScratch['recipe']
  /** Of whole texts, however long. */
  readonly tokenizer: Tokenizer
  readonly seed: number
  readonly threads: number
  readonly texts: readonly string[]
  readonly heldOut: readonly string[]
  /** What the result depends on beside these. */
  readonly identity: string
}

/** @returns the weights by name: those of the body, and those of the words' decoder, which are not needed again */
export async function pretrain(asked: Pretrain, { onEvent, signal, folder }: TrainerNeeds): Promise<Weights> {
  const { recipe, tokenizer, seed, threads } = asked
  const config = classifierConfig(recipe, tokenizer.vocabularySize, 1)
  const hiding = {
    padId: specialTokens.indexOf('[PAD]'),
    maskId: specialTokens.indexOf('[MASK]'),
    firstWordId: specialTokens.length,
    vocabulary: tokenizer.vocabularySize,
    length: Math.min(recipe.pretrainLength, recipe.maxLength),
  }
  const examples = hiddenWordExamples(await encodeTexts(tokenizer, asked.texts, signal), hiding)
  const held = hiddenWordExamples(await encodeTexts(tokenizer, asked.heldOut, signal), hiding)
  const buckets = bucketsFor(lengthsOf(examples), recipe, hiding.length)
  const fitted = await fit(
    maskedWords(config, { seed }),
    examples,
    { examples: held, buckets, measure: null },
    {
      ...fitOptions(recipe, { seed, threads, buckets, identity: asked.identity }),
      epochs: recipe.pretrainEpochs,
      learningRate: recipe.pretrainLearningRate,
      earlyStopping: Infinity,
      // There is more text than such a body can learn by heart.
      adamw: adamWDefaults,
    },
    {
      signal,
      folder: join(folder, 'pretrain'),
      // A loss over masked words is no metric of the classifier: it becomes a notice, not an evaluation.
      onEvent: (event) =>
        onEvent(
          event.kind === 'evaluated'
            ? {
                kind: 'note',
                words: `Hidden words after epoch ${event.epoch}: held-out loss ${event.metrics['loss'].toFixed(4)} nats.`,
              }
            : event,
        ),
    },
  )
  // Copies: the run's own memory, four times this, is given back.
  return new Map([...fitted.weights].map(([name, values]) => [name, values.slice()]))
}
