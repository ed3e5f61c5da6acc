/** The form of a tokenizer.json, and what is said of one that cannot be read. */
import { Fault } from '../../domain/faults.ts'
import type { AddedToken } from './addedTokens.ts'

/** As far as it is read here. */
export interface TokenizerJson {
  readonly model: {
    readonly type?: string
    readonly vocab: Readonly<Record<string, number>> | readonly (readonly [string, number])[]
    readonly unk_token?: string | null
    readonly continuing_subword_prefix?: string | null
    readonly max_input_chars_per_word?: number
  }
  readonly normalizer: Typed | null
  readonly pre_tokenizer: Typed | null
  readonly post_processor: Typed | null
  readonly added_tokens?: readonly AddedToken[]
}

export interface Typed {
  readonly type: string
  readonly [key: string]: unknown
}

export function unsupported(why: string, cause?: unknown): Fault {
  return new Fault('model_unsupported', {
    say: `The tokenizer ${why}.`,
    ...(cause === undefined ? {} : { cause }),
  })
}
