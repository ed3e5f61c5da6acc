/** What a worker thread and its owner send each other. Plain data. */

/** To the worker. */
export type ToWorker =
  | { readonly kind: 'call'; readonly id: number; readonly name: string; readonly argument: unknown }
  /** Its caller does not want the answer any more. */
  | { readonly kind: 'cancel'; readonly id: number }
  /** Answers what was asked before, then ends. */
  | { readonly kind: 'end' }

/** From the worker. */
export type FromWorker =
  | { readonly kind: 'ready' }
  /** It could not be made ready, and ends. */
  | { readonly kind: 'not-ready'; readonly error: SentError }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly error: SentError }

/** An error on its way between threads, which structured cloning would strip of its class and of its own fields. */
export interface SentError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  /** Its own fields that are numbers or strings, such as `code` and `errcode`. */
  readonly fields: Readonly<Record<string, number | string>>
}
