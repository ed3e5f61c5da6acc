/** What the owner of the queue and its threads say to each other. Plain data. */

/** Where a thread finds the weights: in a file that it reads itself, or in these bytes (of a small model). */
export type ModelSource = { readonly path: string; readonly sha256: string } | { readonly bytes: Uint8Array }

export interface ModelForm {
  /** The inputs that the model has, by the names of the artifact form. */
  readonly inputs: readonly string[]
  readonly labels: number
  readonly padId: number
}

/** Texts of one model, padded to the longest. */
export interface TextBatch {
  readonly rows: number
  /** Tokens of the longest. */
  readonly length: number
  /** [rows] tokens of each */
  readonly lengths: Int32Array
  /** [rows · length] */
  readonly ids: Int32Array
  /** [rows · length]; null where all are 0 */
  readonly typeIds: Int32Array | null
}

export type ToThread =
  | {
      readonly kind: 'open'
      readonly model: number
      readonly source: ModelSource
      readonly form: ModelForm
      /** Threads that share each operator when the thread has the machine to itself; 1 where it never has. */
      readonly wideThreads: number
    }
  | { readonly kind: 'close'; readonly model: number }
  /** Closes every model and ends the thread. */
  | { readonly kind: 'end' }
  | { readonly kind: 'score'; readonly model: number; readonly batch: TextBatch; readonly wide: boolean }

export type FromThread =
  /** `packed` where padding costs it attention alone. */
  | { readonly kind: 'opened'; readonly model: number; readonly packed: boolean }
  | { readonly kind: 'not-opened'; readonly model: number; readonly why: string }
  /** [rows · labels] logits, before any temperature */
  | { readonly kind: 'scored'; readonly logits: Float32Array }
  | { readonly kind: 'not-scored'; readonly why: string }

export interface ThreadData {
  /** Added to the process's own niceness; 0 to 19. */
  readonly niceness: number
}
