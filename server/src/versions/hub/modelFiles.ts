/** The files of a model that others made, on this machine: from the Hub, or from a folder. */
export interface ModelFiles {
  /** `hf:OWNER/NAME`, or the folder as it was named. */
  readonly title: string
  /** Null of a folder. */
  readonly commit: string | null
  readonly folder: string
  readonly chosen: ChosenFiles
}

/** The files that are needed to serve it. Paths are relative to its folder, with `/` between their parts. */
export interface ChosenFiles {
  readonly config: string
  /** The model's card: its terms are in there. */
  readonly card: string | null
  readonly tokenizer: ChosenTokenizer
  readonly weights: ChosenWeights
}

export type ChosenTokenizer = {
  /** tokenizer_config.json, which knows the longest text. */
  readonly settings: string | null
} & (
  | { readonly kind: 'json'; readonly path: string }
  | { readonly kind: 'word-pieces'; readonly vocabulary: string }
  | { readonly kind: 'byte-pairs'; readonly vocabulary: string; readonly merges: string }
)

export type ChosenWeights =
  | { readonly kind: 'onnx'; readonly path: string; readonly quantised: boolean }
  | { readonly kind: 'safetensors'; readonly path: string }
