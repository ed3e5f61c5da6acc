/**
 * WordPiece behind BERT's normaliser, over the text as it stands: no normalised copy is made of what needs none.
 *
 * A word is cut from the left into the longest pieces that the vocabulary has; a word that cannot be cut is unknown as a
 * whole (Schuster & Nakajima 2012; Devlin et al. 2018). Gives the tokens and offsets of huggingface/tokenizers for
 * BertNormalizer + BertPreTokenizer + WordPiece; a golden test holds it to that.
 */
import { type BertCharacters, kinds } from './bertCharacters.ts'
import type { TokenBuffer } from './encoding.ts'

export interface WordPieceVocabulary {
  /** Token → id. Tokens that continue a word begin with `prefix`. */
  readonly ids: ReadonlyMap<string, number>
  readonly unknownId: number
  readonly prefix: string
  /** A longer word, in code points, is unknown. */
  readonly wordCharsMax: number
}

/** Finds the tokens of text[from, to) and adds them to the buffer, until that is full. */
export type FindTokens = (text: string, from: number, to: number, into: TokenBuffer) => void

/** A word cut into pieces. */
interface Pieces {
  /** [pieces] */
  readonly ids: readonly number[]
  /** [pieces] where each ends, in UTF-16 code units of the word. */
  readonly ends: readonly number[]
}

/** Words whose pieces are cached; few texts have words that others have not. */
const WORDS_MAX = 50_000
/** A longer one is no word that comes again. */
const WORD_UNITS_MAX = 40

export function wordPiece(vocabulary: WordPieceVocabulary, characters: BertCharacters): FindTokens {
  const piecesOf = remembered(cutter(vocabulary))

  return (text, from, to, into) => {
    const lowered = characters.lowered(text)
    let at = from
    while (at < to && !into.isFull) {
      const kind = characters.kindOf(text.charCodeAt(at))
      if (kind === kinds.space) at++
      else if (kind === kinds.alone) {
        add(piecesOf(text[at]), at, into)
        at++
      } else at = lowered === null ? specialWord(text, null, at, to, into) : word(text, lowered, at, to, into)
    }
  }

  /** A word of plain characters alone lies in the text as the vocabulary has it. @returns where it ends. */
  function word(text: string, lowered: string, start: number, to: number, into: TokenBuffer): number {
    let at = start
    while (at < to) {
      const kind = characters.kindOf(text.charCodeAt(at))
      if (kind === kinds.special) return specialWord(text, lowered, start, to, into)
      if (kind !== kinds.plain) break
      at++
    }
    add(piecesOf(lowered.slice(start, at)), start, into)
    return at
  }

  /** A word that normalising changes, and those that it falls into. @returns where it ends. */
  function specialWord(text: string, lowered: string | null, start: number, to: number, into: TokenBuffer): number {
    let made = ''
    /** [units of made] where in the text each comes from. */
    let starts: number[] = []
    let ends: number[] = []
    const flush = () => {
      if (made !== '') addFrom(piecesOf(made), starts, ends, into)
      made = ''
      starts = []
      ends = []
    }
    let at = start
    while (at < to) {
      const kind = characters.kindOf(text.charCodeAt(at))
      if (kind === kinds.space || kind === kinds.alone) break
      const codePoint = text.codePointAt(at) ?? 0 // at < to, so there is one
      const end = at + (codePoint > 0xffff ? 2 : 1)
      const becomes = kind === kinds.plain && lowered !== null ? lowered[at] : characters.normalised(codePoint)
      for (const unit of becomes.split('')) {
        if (unit === ' ') flush()
        else {
          made += unit
          starts.push(at)
          ends.push(end)
        }
      }
      at = end
    }
    flush()
    return at
  }
}

/** Adds the pieces of a word that lies in the text as it is. */
function add({ ids, ends }: Pieces, start: number, into: TokenBuffer): void {
  let from = 0
  for (let i = 0; i < ids.length; i++) {
    into.push(ids[i], start + from, start + ends[i])
    from = ends[i]
  }
}

/** Adds the pieces of a word whose characters come from these places in the text. */
function addFrom({ ids, ends }: Pieces, starts: readonly number[], stops: readonly number[], into: TokenBuffer): void {
  let from = 0
  for (let i = 0; i < ids.length; i++) {
    into.push(ids[i], starts[from], stops[ends[i] - 1])
    from = ends[i]
  }
}

function remembered(cut: (word: string) => Pieces): (word: string) => Pieces {
  const known = new Map<string, Pieces>()
  return (word) => {
    const found = known.get(word)
    if (found !== undefined) return found
    const pieces = cut(word)
    if (word.length > WORD_UNITS_MAX) return pieces
    if (known.size >= WORDS_MAX) known.clear()
    known.set(word, pieces)
    return pieces
  }
}

function cutter({ ids, unknownId, prefix, wordCharsMax }: WordPieceVocabulary): (word: string) => Pieces {
  /** Without the prefix, so that no lookup joins strings. */
  const continuing = new Map<string, number>()
  let unitsMax = 1
  for (const [token, id] of ids) {
    const continues = prefix !== '' && token.startsWith(prefix)
    if (continues) continuing.set(token.slice(prefix.length), id)
    unitsMax = Math.max(unitsMax, token.length)
  }
  const inside = prefix === '' ? ids : continuing
  const longest = (word: string, from: number): number => {
    const among = from === 0 ? ids : inside
    for (let end = Math.min(word.length, from + unitsMax); end > from; end--)
      if (among.has(word.slice(from, end))) return end
    return from
  }
  return (word) => {
    const unknown = { ids: [unknownId], ends: [word.length] }
    if (word.length > wordCharsMax && codePoints(word) > wordCharsMax) return unknown
    const pieces: number[] = []
    const ends: number[] = []
    for (let from = 0; from < word.length; ) {
      const end = longest(word, from)
      const id = (from === 0 ? ids : inside).get(word.slice(from, end))
      if (id === undefined) return unknown
      pieces.push(id)
      ends.push(end)
      from = end
    }
    return { ids: pieces, ends }
  }
}

function codePoints(word: string): number {
  let count = 0
  for (const _ of word) count++
  return count
}
