/** The rows × tokens of one batch. Activations are [rows·length, width]: so every linear layer is one Gemm with its bias. */
import type { GraphBuilder } from '../graph/builder.ts'
import type { Shape, Value } from '../graph/ir.ts'
import { add, reshape, slice } from '../graph/ops.ts'

export interface Tokens {
  readonly rows: number
  readonly length: number
  /** int64 [rows, length] */
  readonly ids: Value
  /** int64 [rows, length]: 1 for a token, 0 for padding. */
  readonly mask: Value
  /** [rows·length, …] → [rows, length, …rest] */
  readonly unfold: (x: Value, rest: Shape) => Value
  /** Rows `from`, …, `from` + length − 1 of a table [positions, width]. */
  readonly places: (table: Value, from: number) => Value
}

/** The feeds of a text in every graph of ours. */
export const IDS = 'input_ids'
export const MASK = 'attention_mask'

/** Of a shape that is known: a graph that learns. */
export function fixedTokens(g: GraphBuilder, rows: number, length: number): Tokens {
  return {
    rows,
    length,
    ids: g.input(IDS, 'int64', [rows, length]),
    mask: g.input(MASK, 'int64', [rows, length]),
    unfold: (x, rest) => reshape(g, x, [rows, length, ...rest]),
    places: (table, from) => slice(g, table, 0, from, from + length),
  }
}

/**
 * Of a shape that each run brings: a graph that serves. Rows and length here only stand for what is unknown, and every
 * shape that depends on them is computed from the ids.
 */
export function openTokens(g: GraphBuilder): Tokens {
  const [rows, length] = [2, 3]
  const ids = g.input(IDS, 'int64', [rows, length])
  const size = g.op('Shape', [ids])
  const targets = new Map<string, Value>()
  const target = (rest: Shape): Value => {
    const made = targets.get(rest.join()) ?? g.op('Concat', [size, g.ints(rest)], { axis: 0 })
    targets.set(rest.join(), made)
    return made
  }
  return {
    rows,
    length,
    ids,
    mask: g.input(MASK, 'int64', [rows, length]),
    unfold: (x, rest) =>
      g.op('Reshape', [x, target(rest)], {}, { known: [{ type: x.type, shape: [rows, length, ...rest] }] }),
    places(table, from) {
      const count = slice(g, size, 0, 1, 2)
      const end = from === 0 ? count : add(g, count, g.ints([from]))
      const known = [{ type: table.type, shape: [length, table.shape[1]] }]
      return g.op('Slice', [table, g.ints([from]), end, g.ints([0])], {}, { known })
    },
  }
}
