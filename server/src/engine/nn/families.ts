/** What the parameters of an encoder are called: the names of Hugging Face's checkpoints, by family. */

export const families = ['bert', 'distilbert', 'roberta'] as const

/** `roberta` is also XLM-R's. A model from scratch takes `bert`. */
export type Family = (typeof families)[number]

/** Each names a layer: its parameters are `<name>.weight` and `<name>.bias`. */
export interface Names {
  readonly word: string
  readonly position: string
  readonly type: string
  readonly embeddingNorm: string
  readonly layer: (index: number) => LayerNames
  /** After the last layer, where norms come first. Hugging Face's BERT has none. */
  readonly finalNorm: string
  /** The hidden layer of the classifier: BERT's pooler, DistilBERT's pre-classifier. */
  readonly hidden: string
  readonly classifier: string
  readonly wordHidden: string
  readonly wordNorm: string
  /** The only parameter with no `.weight`: the words' biases. */
  readonly wordBias: string
}

export interface LayerNames {
  readonly query: string
  readonly key: string
  readonly value: string
  readonly attentionOutput: string
  readonly attentionNorm: string
  readonly inner: string
  readonly output: string
  readonly outputNorm: string
}

export function namesOf(family: Family): Names {
  switch (family) {
    case 'bert':
      return {
        ...bertBody('bert'),
        hidden: 'bert.pooler.dense',
        classifier: 'classifier',
        wordHidden: 'cls.predictions.transform.dense',
        wordNorm: 'cls.predictions.transform.LayerNorm',
        wordBias: 'cls.predictions.bias',
      }
    case 'roberta':
      return {
        ...bertBody('roberta'),
        hidden: 'classifier.dense',
        classifier: 'classifier.out_proj',
        wordHidden: 'lm_head.dense',
        wordNorm: 'lm_head.layer_norm',
        wordBias: 'lm_head.bias',
      }
    case 'distilbert':
      return distilbert
    default:
      return family satisfies never
  }
}

function bertBody(root: string) {
  return {
    word: `${root}.embeddings.word_embeddings`,
    position: `${root}.embeddings.position_embeddings`,
    type: `${root}.embeddings.token_type_embeddings`,
    embeddingNorm: `${root}.embeddings.LayerNorm`,
    layer(index: number): LayerNames {
      const at = `${root}.encoder.layer.${index}`
      return {
        query: `${at}.attention.self.query`,
        key: `${at}.attention.self.key`,
        value: `${at}.attention.self.value`,
        attentionOutput: `${at}.attention.output.dense`,
        attentionNorm: `${at}.attention.output.LayerNorm`,
        inner: `${at}.intermediate.dense`,
        output: `${at}.output.dense`,
        outputNorm: `${at}.output.LayerNorm`,
      }
    },
    finalNorm: `${root}.encoder.LayerNorm`,
  }
}

const distilbert: Names = {
  word: 'distilbert.embeddings.word_embeddings',
  position: 'distilbert.embeddings.position_embeddings',
  type: 'distilbert.embeddings.token_type_embeddings',
  embeddingNorm: 'distilbert.embeddings.LayerNorm',
  layer(index) {
    const at = `distilbert.transformer.layer.${index}`
    return {
      query: `${at}.attention.q_lin`,
      key: `${at}.attention.k_lin`,
      value: `${at}.attention.v_lin`,
      attentionOutput: `${at}.attention.out_lin`,
      attentionNorm: `${at}.sa_layer_norm`,
      inner: `${at}.ffn.lin1`,
      output: `${at}.ffn.lin2`,
      outputNorm: `${at}.output_layer_norm`,
    }
  },
  finalNorm: 'distilbert.transformer.LayerNorm',
  hidden: 'pre_classifier',
  classifier: 'classifier',
  wordHidden: 'vocab_transform',
  wordNorm: 'vocab_layer_norm',
  wordBias: 'vocab_projector.bias',
}
