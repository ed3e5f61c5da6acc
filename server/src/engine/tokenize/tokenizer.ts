/**
 * A tokenizer.json (the format of huggingface/tokenizers) → texts to token ids and back to places in the text.
 *
 * WordPiece behind BERT's rules is our own and takes microseconds; every other kind goes through the library.
 */
import { splitAtAdded } from './addedTokens.ts'
import { bertCharacters } from './bertCharacters.ts'
import { type Encoding, TokenBuffer } from './encoding.ts'
import { libraryTokens } from './libraryTokens.ts'
import { type Frame, frameOf } from './specialTokens.ts'
import { type TokenizerJson, unsupported } from './tokenizerJson.ts'
import { type FindTokens, wordPiece } from './wordPiece.ts'

export interface TokenizerOptions {
  /** Tokens that the model takes at most, the special ones among them. */
  readonly maxLength: number
  /**
   * What is kept of a longer text: its beginning, as models of others expect it, or a quarter of its beginning and three
   * quarters of its end (Sun et al. 2019, How to Fine-Tune BERT for Text Classification: 128 and 382 of 510).
   */
  readonly keep?: 'head' | 'head-and-tail'
}

export interface Tokenizer {
  readonly encode: (text: string) => Encoding
  readonly maxLength: number
  /** Null where the vocabulary has no token called [PAD], <pad> or the like. */
  readonly padId: number | null
  /** Stands for a word that is not said; null where the vocabulary has no [MASK], <mask> or the like. */
  readonly maskId: number | null
  /** Stands for what the vocabulary does not know; null where it knows everything. */
  readonly unknownId: number | null
  /** Ids are below this. */
  readonly vocabularySize: number
}

/** The share of a long text that is kept of its beginning. */
const HEAD_SHARE = 128 / 510

/**
 * @param bytes of tokenizer.json
 * @throws Fault model_unsupported for what is no tokenizer, or of a kind that neither we nor the library know.
 */
export function readTokenizer(bytes: Uint8Array, options: TokenizerOptions): Tokenizer {
  const json = parse(bytes)
  const frame = frameOf(json)
  const room = options.maxLength - frame.before.length - frame.after.length
  if (room < 1) throw unsupported(`has no room for a text within ${options.maxLength} tokens`)
  const vocabulary = vocabularyOf(json)
  const unknownId = vocabulary.get(json.model.unk_token ?? '') ?? -1
  const find = isBertWordPiece(json) ? ourTokens(json, vocabulary, unknownId) : libraryTokens(json)
  const buffer = new TokenBuffer()
  const keep = options.keep ?? 'head'
  return {
    maxLength: options.maxLength,
    padId: idOf(vocabulary, PADS),
    maskId: idOf(vocabulary, MASKS),
    unknownId: unknownId < 0 ? null : unknownId,
    vocabularySize: 1 + highest(vocabulary.values()),
    encode(text) {
      buffer.clear(keep === 'head' ? room + 1 : Number.POSITIVE_INFINITY)
      find(text, 0, text.length, buffer)
      const head =
        buffer.length <= room || keep === 'head' ? Math.min(room, buffer.length) : Math.round(room * HEAD_SHARE)
      const tail = buffer.length <= room || keep === 'head' ? 0 : room - head
      return framed(buffer, frame, head, tail, unknownId)
    },
  }
}

/** The first `head` and the last `tail` tokens, between the special ones. */
function framed(buffer: TokenBuffer, frame: Frame, head: number, tail: number, unknownId: number): Encoding {
  const { before, after } = frame
  const tokens = head + tail
  const length = before.length + tokens + after.length
  const ids = new Int32Array(length)
  const starts = new Int32Array(length)
  const ends = new Int32Array(length)
  ids.set(before)
  ids.set(after, before.length + tokens)
  const copy = (from: number, count: number, to: number) => {
    ids.set(buffer.ids.subarray(from, from + count), to)
    starts.set(buffer.starts.subarray(from, from + count), to)
    ends.set(buffer.ends.subarray(from, from + count), to)
  }
  copy(0, head, before.length)
  copy(buffer.length - tail, tail, before.length + head)
  let unknown = 0
  for (let i = before.length; i < before.length + tokens; i++) if (ids[i] === unknownId) unknown++
  const typeIds = frame.typeIds(tokens)
  return { ids, typeIds, starts, ends, tokens, unknown, truncated: tokens < buffer.length }
}

function ourTokens(json: TokenizerJson, ids: ReadonlyMap<string, number>, unknownId: number): FindTokens {
  const normalizer = json.normalizer ?? { type: 'none' }
  const lowercase = normalizer['lowercase'] !== false
  const { model } = json
  const characters = bertCharacters({
    cleanText: normalizer['clean_text'] !== false,
    handleChinese: normalizer['handle_chinese_chars'] !== false,
    stripAccents: typeof normalizer['strip_accents'] === 'boolean' ? normalizer['strip_accents'] : lowercase,
    lowercase,
  })
  const find = wordPiece(
    {
      ids,
      unknownId,
      prefix: model.continuing_subword_prefix ?? '##',
      wordCharsMax: model.max_input_chars_per_word ?? 100,
    },
    characters,
  )
  return splitAtAdded(json.added_tokens ?? [], find)
}

/** Whether our own code gives the tokens of the original. */
function isBertWordPiece({ model, normalizer, pre_tokenizer, added_tokens }: TokenizerJson): boolean {
  return (
    (model.type === 'WordPiece' || (model.type === undefined && model.continuing_subword_prefix !== undefined)) &&
    typeof model.unk_token === 'string' &&
    !Array.isArray(model.vocab) &&
    normalizer?.type === 'BertNormalizer' &&
    pre_tokenizer?.type === 'BertPreTokenizer' &&
    (added_tokens ?? []).every((one) => !one.lstrip && !one.rstrip && !one.single_word && !one.normalized)
  )
}

function parse(bytes: Uint8Array): TokenizerJson {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw unsupported('is not JSON in UTF-8', cause)
  }
  if (!isTokenizerJson(value)) throw unsupported('does not have the form of a tokenizer.json')
  return value
}

function isTokenizerJson(value: unknown): value is TokenizerJson {
  if (!isRecord(value) || !isRecord(value['model'])) return false
  const { vocab } = value['model']
  const isPart = (part: unknown) =>
    part === null || part === undefined || (isRecord(part) && typeof part['type'] === 'string')
  const added = value['added_tokens'] ?? []
  return (
    (isRecord(vocab) || Array.isArray(vocab)) &&
    isPart(value['normalizer']) &&
    isPart(value['pre_tokenizer']) &&
    isPart(value['post_processor']) &&
    Array.isArray(added) &&
    added.every((one) => isRecord(one) && typeof one['id'] === 'number' && typeof one['content'] === 'string')
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** Token → id, with the tokens that were added to the vocabulary. Unigram has a list of tokens with their scores. */
function vocabularyOf({ model, added_tokens }: TokenizerJson): Map<string, number> {
  const { vocab } = model
  const entries: Iterable<readonly [string, number]> = Array.isArray(vocab)
    ? vocab.map(([token], id) => [token, id] as const)
    : Object.entries(vocab)
  const ids = new Map(entries)
  for (const { content, id } of added_tokens ?? []) ids.set(content, id)
  return ids
}

const PADS = ['[PAD]', '<pad>', '<|pad|>', '<|endoftext|>']
const MASKS = ['[MASK]', '<mask>']

/** The id of the first of these names that the vocabulary has. */
function idOf(vocabulary: ReadonlyMap<string, number>, names: readonly string[]): number | null {
  for (const name of names) {
    const id = vocabulary.get(name)
    if (id !== undefined) return id
  }
  return null
}

function highest(ids: Iterable<number>): number {
  let most = -1
  for (const id of ids) most = Math.max(most, id)
  return most
}
