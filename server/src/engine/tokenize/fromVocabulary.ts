/** A tokenizer.json for a vocabulary that came without one, as transformers converts its older files. */
import type { TokenizerJson } from './tokenizerJson.ts'

export interface WordPieceRules {
  readonly lowercase: boolean
  /** Null: as `lowercase`. */
  readonly stripAccents: boolean | null
  readonly handleChinese: boolean
}

/** What BERT calls its special tokens. */
const BERT = { pad: '[PAD]', unknown: '[UNK]', first: '[CLS]', last: '[SEP]', mask: '[MASK]' } as const

/**
 * BERT's WordPiece (Devlin et al. 2018): `BertNormalizer`, split at white space and punctuation, longest pieces first,
 * `[CLS] text [SEP]`.
 *
 * @param words of vocab.txt, one a line: a word's id is its place
 */
export function wordPieceTokenizer(words: readonly string[], rules: WordPieceRules): TokenizerJson {
  const vocab = Object.fromEntries(words.map((word, id) => [word, id]))
  const special = Object.values(BERT).filter((word) => vocab[word] !== undefined)
  const template = (word: string) => ({ SpecialToken: { id: word, type_id: 0 } })
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content) => added(vocab[content], content)).sort((a, b) => a.id - b.id),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: rules.handleChinese,
      strip_accents: rules.stripAccents,
      lowercase: rules.lowercase,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [template(BERT.first), { Sequence: { id: 'A', type_id: 0 } }, template(BERT.last)],
      pair: [
        template(BERT.first),
        { Sequence: { id: 'A', type_id: 0 } },
        template(BERT.last),
        { Sequence: { id: 'B', type_id: 1 } },
        { SpecialToken: { id: BERT.last, type_id: 1 } },
      ],
      special_tokens: Object.fromEntries(
        [BERT.first, BERT.last].map((word) => [word, { id: word, ids: [vocab[word]], tokens: [word] }]),
      ),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: BERT.unknown,
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab,
    },
  } as TokenizerJson // it has the fields that others read beside ours
}

/** What RoBERTa calls its special tokens. */
const ROBERTA = ['<s>', '<pad>', '</s>', '<unk>', '<mask>']

/**
 * RoBERTa's byte-level byte pairs (Sennrich et al. 2016; Radford et al. 2019): `<s> text </s>`.
 *
 * @param vocab  of vocab.json
 * @param merges of merges.txt: two pieces a line, the earlier line first
 */
export function bytePairTokenizer(
  vocab: Readonly<Record<string, number>>,
  merges: readonly string[],
  { addPrefixSpace }: { readonly addPrefixSpace: boolean },
): TokenizerJson {
  const special = ROBERTA.filter((word) => vocab[word] !== undefined)
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content) => added(vocab[content], content)).sort((a, b) => a.id - b.id),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: addPrefixSpace, trim_offsets: true, use_regex: true },
    post_processor: {
      type: 'RobertaProcessing',
      sep: ['</s>', vocab['</s>']],
      cls: ['<s>', vocab['<s>']],
      trim_offsets: true,
      add_prefix_space: addPrefixSpace,
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges: merges.filter((line) => line !== '' && !line.startsWith('#version')).map((line) => line.split(' ')),
    },
  } as TokenizerJson // it has the fields that others read beside ours
}

function added(id: number, content: string) {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
}
