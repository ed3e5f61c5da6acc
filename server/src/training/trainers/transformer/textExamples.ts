/** Texts as examples of the trainer: token ids with their padding, and what is to be said of them. */
import { type Examples, floats, words } from '../../../engine/fit/examples.ts'
import type { Bucket } from '../../../engine/fit/trainable.ts'
import { fillTarget, type TargetOptions } from '../../../engine/nn/losses.ts'
import { HIDDEN_SHARE, wordsAsked } from '../../../engine/nn/maskedWords.ts'
import type { Tokenizer } from '../../../engine/tokenize/tokenizer.ts'
import { type Random, shuffle } from '../../../math/random.ts'

/** Token ids of all texts, one behind the other. */
export interface TokenTexts {
  readonly count: number
  /** [texts + 1] */
  readonly start: Uint32Array
  readonly ids: Int32Array
  /** [texts] tokens of the text itself, before it was cut to the model's length, and those of them that are unknown. */
  readonly tokens: Uint32Array
  readonly unknown: Uint32Array
}

/** Yields to the event loop now and then, so that a run can be stopped. */
export async function encodeTexts(
  tokenizer: Tokenizer,
  texts: readonly string[],
  signal?: AbortSignal,
): Promise<TokenTexts> {
  const start = new Uint32Array(texts.length + 1)
  const tokens = new Uint32Array(texts.length)
  const unknown = new Uint32Array(texts.length)
  let ids = new Int32Array(Math.max(1024, 64 * texts.length))
  for (const [i, text] of texts.entries()) {
    if (i % TEXTS_A_TURN === 0) {
      await new Promise(setImmediate)
      signal?.throwIfAborted()
    }
    const encoded = tokenizer.encode(text)
    const end = start[i] + encoded.ids.length
    if (end > ids.length) {
      const larger = new Int32Array(Math.max(2 * ids.length, end))
      larger.set(ids)
      ids = larger
    }
    ids.set(encoded.ids, start[i])
    start[i + 1] = end
    tokens[i] = encoded.tokens
    unknown[i] = encoded.unknown
  }
  return { count: texts.length, start, ids: ids.slice(0, start[texts.length]), tokens, unknown }
}

const TEXTS_A_TURN = 500

export interface LabelExamples extends TargetOptions {
  /** [texts] indices into the labels. */
  readonly labels: Int32Array
  readonly labelCount: number
  readonly padId: number
  /** [texts · labels] the teacher's probabilities at its temperature; for distillation. */
  readonly teacher?: Float32Array
  /** Share of the words of a row that are hidden from it, and what stands in their place. */
  readonly wordDropout?: { readonly share: number; readonly id: number }
}

/** For nn/encoder.ts: ids, mask, targets and the weights of rows. */
export function labelExamples(texts: TokenTexts, options: LabelExamples): Examples {
  const { labels, labelCount, padId, teacher, wordDropout } = options
  return {
    count: texts.count,
    length: (i) => texts.start[i + 1] - texts.start[i],
    fill: (examples, bucket, feeds, random) => {
      const ids = words(feeds, 'input_ids')
      fillTokens(texts, examples, bucket, padId, ids, words(feeds, 'attention_mask'))
      const targets = floats(feeds, 'targets').fill(0)
      const weights = floats(feeds, 'row_weights').fill(0)
      const taught = teacher === undefined ? null : floats(feeds, 'teacher').fill(0)
      for (const [row, i] of examples.entries()) {
        weights[row] = fillTarget(targets, row, labels[i], labelCount, options)
        if (teacher !== undefined) taught?.set(teacher.subarray(i * labelCount, (i + 1) * labelCount), row * labelCount)
        if (wordDropout === undefined || wordDropout.share === 0) continue
        // The first and the last token are the special ones.
        const length = Math.min(bucket.length, texts.start[i + 1] - texts.start[i])
        for (let at = 1; at < length - 1; at++) {
          if (random() < wordDropout.share) ids[2 * (row * bucket.length + at)] = wordDropout.id
        }
      }
    },
  }
}

/** The special tokens of BERT have the lowest ids, in any vocabulary of our own. */
export interface Hiding {
  readonly padId: number
  readonly maskId: number
  /** Ids below are special, and neither hidden nor put in a word's place. */
  readonly firstWordId: number
  readonly vocabulary: number
  /** Tokens that are read of a text at a time. */
  readonly length: number
}

/**
 * For nn/maskedWords.ts: of each batch 15 % of the words are asked for; of these 80 % are hidden, 10 % are another word,
 * 10 % stay as they are (Devlin et al. 2018, appendix A.1). Which ones is drawn anew for every batch (Liu et al. 2019,
 * §4.1), and so is the stretch that is read of a longer text.
 */
export function hiddenWordExamples(texts: TokenTexts, hiding: Hiding): Examples {
  const { padId, firstWordId } = hiding
  return {
    count: texts.count,
    length: (i) => Math.min(hiding.length, texts.start[i + 1] - texts.start[i]),
    fill: (examples, bucket, feeds, random) => {
      const ids = words(feeds, 'input_ids')
      const skipped = Uint32Array.from(examples, (i) => {
        const more = texts.start[i + 1] - texts.start[i] - bucket.length
        return more > 0 ? Math.floor(random() * (more + 1)) : 0
      })
      fillTokens(texts, examples, bucket, padId, ids, words(feeds, 'attention_mask'), skipped)
      const positions = words(feeds, 'word_positions').fill(0)
      const targets = words(feeds, 'word_targets').fill(0)
      const weights = floats(feeds, 'row_weights').fill(0)
      const candidates: number[] = []
      for (let at = 0; at < bucket.rows * bucket.length; at++) if (ids[2 * at] >= firstWordId) candidates.push(at)
      shuffle(candidates, random)
      const asked = Math.min(wordsAsked(bucket), Math.ceil(candidates.length * HIDDEN_SHARE))
      for (let n = 0; n < asked; n++) {
        const at = candidates[n]
        positions[2 * n] = at
        targets[2 * n] = ids[2 * at]
        weights[n] = 1
        ids[2 * at] = shown(ids[2 * at], random, hiding)
      }
      // Without any word there would be nothing to divide by.
      if (asked === 0) weights[0] = Number.MIN_VALUE
    },
  }
}

function shown(id: number, random: Random, { maskId, firstWordId, vocabulary }: Hiding): number {
  const lot = random()
  if (lot < 0.8) return maskId
  return lot < 0.9 ? firstWordId + Math.floor(random() * (vocabulary - firstWordId)) : id
}

/**
 * int64 as pairs of words, see fit/examples.ts. Rows without an example hold padding alone.
 *
 * @param skipped [examples] tokens that are left out at the beginning of each
 */
function fillTokens(
  { start, ids }: TokenTexts,
  examples: Uint32Array,
  { rows, length }: Bucket,
  padId: number,
  into: Int32Array,
  mask: Int32Array,
  skipped?: Uint32Array,
): void {
  into.fill(0)
  mask.fill(0)
  for (let row = 0; row < rows; row++) {
    const from = row < examples.length ? start[examples[row]] + (skipped?.[row] ?? 0) : 0
    const tokens = row < examples.length ? Math.min(length, start[examples[row] + 1] - from) : 0
    for (let at = 0; at < length; at++) {
      const to = 2 * (row * length + at)
      into[to] = at < tokens ? ids[from + at] : padId
      mask[to] = at < tokens ? 1 : 0
    }
    // A row of padding alone would have no key to attend to, and no token to take the mean of.
    if (tokens === 0) mask[2 * row * length] = 1
  }
}
