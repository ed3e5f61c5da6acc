import type { Value } from '../graph/ir.ts'
import { add, cast, matmulFused, scale, softmax } from '../graph/ops.ts'
import type { Build } from './build.ts'
import type { LayerNames } from './families.ts'
import { linear } from './linear.ts'
import type { Tokens } from './tokens.ts'

/** What is added to the score of padding: e^(−10⁹ − max) is exactly 0 in float32. */
const MASKED = -1e9

/** 0 for a token, −10⁹ for padding: [rows, 1, 1, length]. Computed once, added to the scores of every layer. */
export function paddingBias({ g }: Build, { mask }: Tokens): Value {
  const present = cast(g, g.op('Unsqueeze', [mask, g.ints([1, 2])]), 'float32')
  return add(g, scale(g, present, -MASKED), g.scalar(MASKED))
}

/**
 * Multi-head attention, before its output layer. Per row and head, with queries Q, keys K and values V:
 *
 *   P = softmax(Q·Kᵀ/√(width/heads) + bias),  context = dropout(P)·V
 *
 * Vaswani et al. 2017, eq. 1 and §3.2.2.
 *
 * @param from where the queries come from: every token [tokens, width], or the first of each row [rows, width]
 * @param over [tokens, width] where keys and values come from
 * @param bias [rows, 1, 1, length] added to the scores
 * @returns    as many rows as `from`
 */
export function attention(
  build: Build,
  tokens: Tokens,
  { from, over, bias }: { readonly from: Value; readonly over: Value; readonly bias: Value },
  { names, heads, dropout, place }: { names: LayerNames; heads: number; dropout: number; place: string },
): Value {
  const { g } = build
  const width = over.shape[1]
  const perHead = width / heads
  const queries = linear(build, from, names.query)
  const q = from === over ? tokens.spread(queries, heads) : g.op('Reshape', [queries, g.ints([-1, heads, 1, perHead])])
  const k = tokens.spread(linear(build, over, names.key), heads)
  const v = tokens.spread(linear(build, over, names.value), heads)
  const scores = matmulFused(g, q, k, { transB: true, alpha: 1 / Math.sqrt(perHead) })
  const probabilities = build.dropout(softmax(g, add(g, scores, bias)), dropout, place)
  const context = matmulFused(g, probabilities, v)
  // Of one query a row, [rows, heads, 1, perHead] lies in the right order as it is.
  return from === over ? tokens.collect(context) : g.op('Reshape', [context, g.ints([-1, width])])
}

/** Means over the tokens of each row, padding left out: [tokens, width] → [rows, width]. */
export function meanOverTokens({ g }: Build, tokens: Tokens, x: Value): Value {
  const width = x.shape[1]
  const present = cast(g, g.op('Unsqueeze', [tokens.mask, g.ints([1])]), 'float32')
  // A row that only fills up a batch may have no token at all.
  const known = [{ type: 'float32', shape: [tokens.rows, 1, 1] } as const]
  const count = g.op('Max', [g.op('ReduceSum', [present, g.ints([2])]), g.scalar(1)], {}, { known })
  const shares = g.op('Div', [present, count])
  return g.op('Reshape', [g.op('MatMul', [shares, tokens.byRow(x)]), g.ints([-1, width])])
}
