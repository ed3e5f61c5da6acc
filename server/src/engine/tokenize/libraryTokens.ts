/**
 * Tokenizers of every other kind (byte-level BPE, Unigram, WordPiece under other rules) through @huggingface/tokenizers.
 * The library gives tokens without their places in the text; those are found again here.
 */
import { Tokenizer } from '@huggingface/tokenizers'
import { byteOffsets, foldedOffsets } from './alignTokens.ts'
import { type TokenizerJson, type Typed, unsupported } from './tokenizerJson.ts'
import type { FindTokens } from './wordPiece.ts'

/** A text is read up to so many characters for each token that is wanted: a token of English has four or five. */
const CHARS_PER_TOKEN = 40

export function libraryTokens(json: TokenizerJson): FindTokens {
  let tokenizer: Tokenizer
  try {
    tokenizer = new Tokenizer(json, {})
  } catch (cause) {
    throw unsupported(
      `is of a kind that is not known (${cause instanceof Error ? cause.message : String(cause)})`,
      cause,
    )
  }
  const added = new Set((json.added_tokens ?? []).map(({ content }) => content))
  const align = isByteLevel(json) ? byteOffsets : foldedOffsets
  const unknown = json.model.unk_token ?? null
  return (text, from, to, into) => {
    const end = Math.min(to, from + into.wanted * CHARS_PER_TOKEN)
    const piece = end < to ? atSpace(text, from, end) : text.slice(from, end)
    const { ids, tokens } = tokenizer.encode(piece, { add_special_tokens: false })
    const places = align(piece, tokens, (token) => added.has(token), unknown)
    for (const [i, id] of ids.entries()) into.push(id, from + places[2 * i], from + places[2 * i + 1])
  }
}

/** Cut at white space where there is some near the end, so that no word is cut in two. */
function atSpace(text: string, from: number, end: number): string {
  const piece = text.slice(from, end)
  const space = /\s\S{0,200}$/u.exec(piece)
  return space === null ? piece : piece.slice(0, space.index)
}

function isByteLevel({ pre_tokenizer, model }: TokenizerJson): boolean {
  const has = (part: Typed | null | undefined): boolean =>
    part?.type === 'ByteLevel' ||
    (Array.isArray(part?.['pretokenizers']) && (part['pretokenizers'] as Typed[]).some((inner) => has(inner)))
  return model.type !== 'Unigram' && has(pre_tokenizer)
}
