/** tokenizer.json of a model of others: its own, or made of the vocabulary that it has instead. */
import { Fault } from '../../domain/faults.ts'
import { bytePairTokenizer, wordPieceTokenizer } from '../tokenize/fromVocabulary.ts'
import { readObject } from './modelConfig.ts'

/** What there is to read, by path. */
export type TokenizerFiles =
  | { readonly kind: 'json'; readonly path: string }
  | { readonly kind: 'word-pieces'; readonly vocabulary: string }
  | { readonly kind: 'byte-pairs'; readonly vocabulary: string; readonly merges: string }

/** @param settings of tokenizer_config.json; null where there is none */
export async function tokenizerFrom(
  files: TokenizerFiles,
  settings: Uint8Array | null,
  read: (path: string) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  if (files.kind === 'json') return read(files.path)
  const stated = settings === null ? {} : readObject(settings, 'tokenizer_config.json')
  const text = async (path: string) => new TextDecoder().decode(await read(path))
  if (files.kind === 'word-pieces') {
    const words = (await text(files.vocabulary)).replace(/\r?\n$/, '').split(/\r?\n/)
    const stripAccents = stated['strip_accents']
    return jsonBytes(
      wordPieceTokenizer(words, {
        lowercase: stated['do_lower_case'] !== false,
        stripAccents: typeof stripAccents === 'boolean' ? stripAccents : null,
        handleChinese: stated['tokenize_chinese_chars'] !== false,
      }),
    )
  }
  const vocabulary = readObject(await read(files.vocabulary), files.vocabulary)
  if (!isVocabulary(vocabulary))
    throw new Fault('model_unsupported', { say: `The model cannot be used: its ${files.vocabulary} is no vocabulary.` })
  const merges = (await text(files.merges)).split(/\r?\n/)
  return jsonBytes(bytePairTokenizer(vocabulary, merges, { addPrefixSpace: stated['add_prefix_space'] === true }))
}

function isVocabulary(value: Readonly<Record<string, unknown>>): value is Readonly<Record<string, number>> {
  return Object.values(value).every((id) => typeof id === 'number')
}

function jsonBytes(value: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value)}\n`)
}
