/** The tokens that stand around every text, as the post-processor of a tokenizer.json says. */
import { type TokenizerJson, type Typed, unsupported } from './tokenizerJson.ts'

export interface Frame {
  readonly before: readonly number[]
  readonly after: readonly number[]
  /** [before + tokens + after] for a text of so many tokens. */
  typeIds(tokens: number): Int32Array
}

const ZEROS = new Int32Array(1024)

/** @throws Fault model_unsupported for a post-processor that is not known here. */
export function frameOf(json: TokenizerJson): Frame {
  const pieces = piecesOf(json.post_processor)
  const at = pieces.findIndex((piece) => piece === 'text' || typeof piece.id !== 'number')
  const text = pieces[at]
  const before = pieces.slice(0, at).map(idOf)
  const after = pieces.slice(at + 1).map(idOf)
  const types = pieces.map((piece) => (piece === 'text' ? 0 : piece.type))
  const textType = text === 'text' ? 0 : text.type
  return {
    before,
    after,
    typeIds(tokens) {
      const length = before.length + tokens + after.length
      if (types.every((type) => type === 0))
        return length <= ZEROS.length ? ZEROS.subarray(0, length) : new Int32Array(length)
      return Int32Array.from({ length }, (_, i) => {
        if (i < before.length) return types[i]
        return i < before.length + tokens ? textType : types[at + 1 + i - before.length - tokens]
      })
    },
  }
}

/** A special token, or (without an id) the place of the text. */
type Piece = 'text' | { readonly id: number | null; readonly type: number }

function idOf(piece: Piece): number {
  if (piece === 'text' || piece.id === null) throw unsupported('puts the text in more than one place')
  return piece.id
}

function piecesOf(processor: Typed | null | undefined): readonly Piece[] {
  if (processor === null || processor === undefined) return ['text']
  switch (processor.type) {
    case 'TemplateProcessing':
      return template(processor)
    case 'BertProcessing':
    case 'RobertaProcessing':
      return [special(processor['cls']), 'text', special(processor['sep'])]
    case 'ByteLevel':
      return ['text']
    case 'Sequence': {
      const inner = Array.isArray(processor['processors']) ? (processor['processors'] as Typed[]) : [] // as the format has it
      return inner.map(piecesOf).find((pieces) => pieces.length > 1) ?? ['text']
    }
    default:
      throw unsupported(`has a post-processor of an unknown kind, ${processor.type}`)
  }
}

/** `[token, id]`, as BertProcessing has its two. */
function special(pair: unknown): Piece {
  const id: unknown = Array.isArray(pair) ? pair[1] : undefined
  if (typeof id !== 'number') throw unsupported('has a post-processor without its special tokens')
  return { id, type: 0 }
}

/** The form of TemplateProcessing, for one text. */
interface Template {
  readonly single: readonly (
    | { readonly SpecialToken: { readonly id: string; readonly type_id: number } }
    | { readonly Sequence: { readonly id: string; readonly type_id: number } }
  )[]
  readonly special_tokens: Readonly<Record<string, { readonly ids: readonly number[] }>>
}

function template(processor: Typed): readonly Piece[] {
  const { single, special_tokens: tokens } = processor as unknown as Template // its type was just looked at
  return single.flatMap((piece): Piece[] => {
    if ('Sequence' in piece) return [{ id: null, type: piece.Sequence.type_id }]
    const { id, type_id: type } = piece.SpecialToken
    const ids = tokens[id]?.ids
    if (ids === undefined) throw unsupported(`names a special token ${id} that it does not have`)
    return ids.map((one) => ({ id: one, type }))
  })
}
