/** Tokens → words: the stretches of a text that a person would point at. */
import type { Encoding } from '../tokenize/encoding.ts'

export interface Word {
  /** UTF-16 offsets, `end` exclusive. */
  readonly start: number
  readonly end: number
  /** Places in the encoding, ascending. */
  readonly tokens: readonly number[]
}

const INSIDE = /[\p{L}\p{N}\p{M}'’_]/u

/**
 * Tokens that touch within a run of letters, digits and apostrophes are one word; so are tokens that overlap (bytes of
 * one character). Every other token is one by itself. Special tokens, which stand for nothing, belong to none.
 */
export function wordsOf(text: string, { ids, starts, ends }: Encoding): Word[] {
  const words: { start: number; end: number; tokens: number[] }[] = []
  for (let t = 0; t < ids.length; t++) {
    if (ends[t] <= starts[t]) continue
    const last = words.at(-1)
    const touches = last !== undefined && starts[t] === last.end
    const inside = touches && INSIDE.test(charBefore(text, starts[t])) && INSIDE.test(charAt(text, starts[t]))
    if (last !== undefined && (starts[t] < last.end || inside)) {
      last.end = Math.max(last.end, ends[t])
      last.tokens.push(t)
    } else words.push({ start: starts[t], end: ends[t], tokens: [t] })
  }
  return words
}

/** The whole character that ends there, of one or two code units. */
function charBefore(text: string, at: number): string {
  const low = text.charCodeAt(at - 1)
  return low >= 0xdc00 && low <= 0xdfff ? text.slice(at - 2, at) : text.slice(at - 1, at)
}

function charAt(text: string, at: number): string {
  return String.fromCodePoint(text.codePointAt(at) ?? 0)
}

/** The encoding with nothing said: every token of a word becomes the baseline token, special ones stay. */
export function unsaid({ ids }: Encoding, words: readonly Word[], baselineId: number): Int32Array {
  const out = ids.slice()
  for (const { tokens } of words) for (const t of tokens) out[t] = baselineId
  return out
}
