/** What a recipe decides about a transformer. Pure data: the manifest keeps it. */

/** The body of a model from scratch. */
export interface TransformerShape {
  /** Tokens of its own vocabulary, at most. */
  readonly vocabulary: number
  readonly width: number
  readonly layers: number
  readonly heads: number
  /** Of the hidden layer of each feed-forward. */
  readonly inner: number
  readonly pooling: 'cls' | 'mean'
  readonly norm: 'pre' | 'post'
  /** Rates of dropout. */
  readonly dropout: number
  readonly attentionDropout: number
}

export interface TransformerRecipe {
  readonly name: string
  /** Null where the body comes from another model. */
  readonly shape: TransformerShape | null
  /** Tokens of a text that are seen, special ones included; a base's own length limits it too. */
  readonly maxLength: number
  /** What is kept of a longer text. */
  readonly keep: 'head' | 'head-and-tail'
  /** Share of a row's words that are hidden from it while it learns, anew each time (0: none). */
  readonly wordDropout: number
  /** Rows of a step of the optimiser. */
  readonly batch: number
  /** Rows that are worked on at once, at most: the batch, or less where memory is short. The largest divisor is taken. */
  readonly rowsAtOnce: number
  readonly epochs: number
  readonly learningRate: number
  readonly warmUpShare: number
  readonly decline: 'linear' | 'cosine'
  readonly decay: number
  /** Most that the norm of a gradient may be. */
  readonly clip: number
  /** β of the running averages of the weights, which are what is measured and kept; 0: the weights themselves. */
  readonly averaging: number
  /** Epochs without a better held-out loss after which it ends. */
  readonly earlyStopping: number
  /** Share of a label's target that is spread over all labels. */
  readonly smoothing: number
  /** 0: rows weigh alike; 1: labels weigh alike. */
  readonly labelBalance: number
  /** Share of the rows that is held out for early stopping, calibration and the reference. */
  readonly heldOutShare: number
  /** Passes over the texts, with words hidden, before the labels are looked at; 0 for none. */
  readonly pretrainEpochs: number
  readonly pretrainLearningRate: number
  /** Tokens of a text that are read at a time meanwhile: most of what there is to learn is near. */
  readonly pretrainLength: number
}

/** The recipe as the flat record that a manifest keeps. */
export function transformerParameters(recipe: TransformerRecipe): Record<string, number | string> {
  const { name: _, shape, ...rest } = recipe
  return { ...rest, ...shape }
}
