/**
 * The tokens of one batch, as graphs of three kinds lay them out. Between its attentions an encoder treats each token by
 * itself, so activations are [tokens, width] and every linear layer is one Gemm with its bias; only attention wants rows.
 */
import type { GraphBuilder } from '../graph/builder.ts'
import type { Shape, Value } from '../graph/ir.ts'
import { add, gather, mul, pick, reshape, slice, sub, transpose } from '../graph/ops.ts'

export interface Tokens {
  readonly rows: number
  readonly length: number
  /** int64 of each token, or the feed [rows, length] itself where padding counts among them. */
  readonly ids: Value
  /** int64 [rows, length]: 1 for a token, 0 for padding. */
  readonly mask: Value
  /** Of each token, or of each place of a row: rows `from`, `from` + 1, … of a table [positions, width]. */
  readonly places: (table: Value, from: number) => Value
  /** words [tokens, width] + places → [tokens, width] */
  readonly placed: (words: Value, places: Value) => Value
  /** [tokens, heads·size] → [rows, heads, length, size]; what stands at padding is some number or other. */
  readonly spread: (x: Value, heads: number) => Value
  /** [rows, heads, length, size] → [tokens, heads·size] */
  readonly collect: (x: Value) => Value
  /** [tokens, width] → [rows, length, width]; what stands at padding is some number or other. */
  readonly byRow: (x: Value) => Value
  /** The first token of each row: [tokens, width] → [rows, width]. */
  readonly firsts: (x: Value) => Value
}

/** The feeds of a text in every graph of ours. */
export const IDS = 'input_ids'
export const MASK = 'attention_mask'

/** Of a shape that is known: a graph that learns. */
export function fixedTokens(g: GraphBuilder, rows: number, length: number): Tokens {
  const byRow = (x: Value): Value => reshape(g, x, [rows, length, x.shape[1]])
  return {
    rows,
    length,
    ids: g.input(IDS, 'int64', [rows, length]),
    mask: g.input(MASK, 'int64', [rows, length]),
    places: (table, from) => slice(g, table, 0, from, from + length),
    placed: (words, places) => reshape(g, add(g, byRow(words), places), [rows * length, words.shape[1]]),
    spread: (x, heads) => transpose(g, reshape(g, x, [rows, length, heads, x.shape[1] / heads]), [0, 2, 1, 3]),
    collect: (x) => reshape(g, transpose(g, x, [0, 2, 1, 3]), [rows * length, x.shape[1] * x.shape[3]]),
    byRow,
    firsts: (x) => pick(g, byRow(x), 1, 0),
  }
}

/**
 * Of a shape that each run brings: a graph that serves. Rows and length here only stand for what is unknown, and every
 * shape that depends on them is computed from the ids.
 */
export function openTokens(g: GraphBuilder): Tokens {
  const { rows, length, ids, mask, size, at } = openFeeds(g)
  const targets = new Map<string, Value>()
  const unfold = (x: Value, rest: Shape): Value => {
    const target = targets.get(rest.join()) ?? g.op('Concat', [size, g.ints(rest)], { axis: 0 })
    targets.set(rest.join(), target)
    return at('Reshape', [x, target], [rows, length, ...rest])
  }
  const byRow = (x: Value): Value => unfold(x, [x.shape[1]])
  return {
    rows,
    length,
    ids,
    mask,
    places: (table, from) => startOf(g, table, slice(g, size, 0, 1, 2), from, length),
    placed: (words, places) => g.op('Reshape', [add(g, byRow(words), places), g.ints([-1, words.shape[1]])]),
    spread: (x, heads) => transpose(g, unfold(x, [heads, x.shape[1] / heads]), [0, 2, 1, 3]),
    collect: (x) => g.op('Reshape', [transpose(g, x, [0, 2, 1, 3]), g.ints([-1, x.shape[1] * x.shape[3]])]),
    byRow,
    firsts: (x) => pick(g, byRow(x), 1, 0),
  }
}

/**
 * The same feeds, but padding is left out between the attentions: what fills rows up to the longest costs nothing but its
 * part of the attention. Vectors of one head are what moves between the two layouts, in the copy that would transpose them
 * anyway, so that a batch without padding pays nothing for it. After Zhai et al. 2023 (ByteTransformer), §III-D.
 *
 *   token n stands at place i(n) = NonZero(mask)(n) = row·length + t,   and place i holds token Σ mask(0 … i) − 1
 */
export function packedTokens(g: GraphBuilder): Tokens {
  const { rows, length, ids, mask, size, at } = openFeeds(g)
  // Stands for how many tokens a run brings.
  const count = 5
  const lengthNow = pick(g, size, 0, 1)
  const inLine = (x: Value): Value => at('Reshape', [x, g.ints([-1])], [rows * length])

  const present = inLine(mask)
  const place = at('Reshape', [at('NonZero', [present], [1, count]), g.ints([-1])], [count])
  const row = g.op('Div', [place, lengthNow])
  // Padding is given the token before it; attention and means do not look at it.
  const through = at('CumSum', [present, g.scalar(0, 'int64')], [rows * length])
  const token = at('Reshape', [sub(g, through, g.scalar(1, 'int64')), size], [rows, length])
  const firstToken = pick(g, token, 1, 0)

  /** Where the vectors of heads are taken from: [rows, heads, length] out of the tokens', [tokens, heads] out of the rows'. */
  const headPlaces = new Map<number, { readonly spread: Value; readonly collect: Value }>()
  function headPlacesOf(heads: number) {
    const known = headPlaces.get(heads)
    if (known !== undefined) return known
    const head = g.ints(Array.from({ length: heads }, (_, i) => i))
    // token·heads + head
    const first = at('Unsqueeze', [mul(g, token, g.scalar(heads, 'int64')), g.ints([1])], [rows, 1, length])
    const spread = add(g, first, at('Reshape', [head, g.ints([heads, 1])], [heads, 1]))
    // (row·heads + head)·length + t = place + row·(heads − 1)·length + head·length
    const ahead = mul(g, row, mul(g, lengthNow, g.scalar(heads - 1, 'int64')))
    const ofFirst = at('Unsqueeze', [add(g, place, ahead), g.ints([1])], [count, 1])
    const made = { spread, collect: add(g, ofFirst, mul(g, head, lengthNow)) }
    headPlaces.set(heads, made)
    return made
  }

  return {
    rows,
    length,
    ids: gather(g, inLine(ids), place),
    mask,
    places: (table, from) =>
      gather(g, startOf(g, table, slice(g, size, 0, 1, 2), from, length), sub(g, place, mul(g, row, lengthNow))),
    placed: (words, places) => add(g, words, places),
    spread(x, heads) {
      const perHead = x.shape[1] / heads
      const vectors = at('Reshape', [x, g.ints([-1, perHead])], [x.shape[0] * heads, perHead])
      return gather(g, vectors, headPlacesOf(heads).spread)
    },
    collect(x) {
      const [, heads, , perHead] = x.shape
      const vectors = at('Reshape', [x, g.ints([-1, perHead])], [rows * heads * length, perHead])
      const collected = gather(g, vectors, headPlacesOf(heads).collect)
      return at('Reshape', [collected, g.ints([-1, heads * perHead])], [count, heads * perHead])
    },
    byRow: (x) => gather(g, x, token),
    firsts: (x) => gather(g, x, firstToken),
  }
}

function openFeeds(g: GraphBuilder) {
  const [rows, length] = [2, 3]
  const ids = g.input(IDS, 'int64', [rows, length])
  return {
    rows,
    length,
    ids,
    mask: g.input(MASK, 'int64', [rows, length]),
    /** int64 [2]: what the run brings. */
    size: g.op('Shape', [ids]),
    /** An operator whose result has this shape while rows and length are what stands for them. */
    at: (op: string, inputs: Value[], shape: Shape): Value =>
      g.op(op, inputs, {}, { known: [{ type: inputs[0].type, shape }] }),
  }
}

/** Rows `from`, … of a table, as many as `count` (int64 [1]) says. */
function startOf(g: GraphBuilder, table: Value, count: Value, from: number, length: number): Value {
  const end = from === 0 ? count : add(g, count, g.ints([from]))
  const known = [{ type: table.type, shape: [length, table.shape[1]] }]
  return g.op('Slice', [table, g.ints([from]), end, g.ints([0])], {}, { known })
}
