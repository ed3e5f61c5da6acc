/** What layers are built with: the graph, its parameters by name, and what only training does (dropout). */
import assert from 'node:assert/strict'
import type { ParameterSpec, Step } from '../fit/trainable.ts'
import { GraphBuilder } from '../graph/builder.ts'
import type { Value } from '../graph/ir.ts'
import { gather, mul } from '../graph/ops.ts'

export interface Build {
  readonly g: GraphBuilder
  /** The parameter of that name: an input of a training graph, an initializer of a serving graph. */
  readonly weight: (name: string) => Value
  /** Rows of an embedding table, [ids, width]. The ids are the feed of that name, in whatever shape, flattened here. */
  readonly rows: (table: string, ids: Value) => Value
  /**
   * The same table as a matrix to multiply with (a decoder tied to the embedding). What the loss wants of it this way is
   * kept apart from what it wants of the rows.
   */
  readonly tied: (table: string) => Value
  /**
   * Dropout (Srivastava et al. 2014), scaled while training: x ∘ m with P(m = 1/keep) = keep = 1 − rate, else m = 0.
   * The mask is a feed that the trainer fills. Outside of training, and at rate 0, this is x.
   */
  readonly dropout: (x: Value, rate: number, place: string) => Value
}

/** The rows of a table that were gathered, and the feed that named them. */
export interface Gathered {
  readonly table: string
  readonly ids: string
  readonly rows: Value
}

/** A build whose parameters are inputs; it collects what a step has to return. */
export interface StepBuild extends Build {
  readonly parameters: ReadonlyMap<string, Value>
  readonly gathered: readonly Gathered[]
  /** By table. */
  readonly ties: ReadonlyMap<string, Value>
  readonly masks: Step['masks']
}

/** @param training with dropout; else every place of dropout passes its input on */
export function stepBuild(specs: readonly ParameterSpec[], training: boolean): StepBuild {
  const g = new GraphBuilder()
  // Every parameter is an input even where this graph makes no use of it, so that all graphs take the same feeds.
  const parameters = new Map(specs.map(({ name, shape }) => [name, g.input(name, 'float32', shape)]))
  const gathered: Gathered[] = []
  const ties = new Map<string, Value>()
  const masks: Step['masks'][number][] = []
  const weight = (name: string): Value => {
    const value = parameters.get(name)
    assert(value, `no parameter is called ${name}`)
    return value
  }
  return {
    g,
    parameters,
    gathered,
    ties,
    masks,
    weight,
    rows(table, ids) {
      const rows = gather(g, weight(table), flat(g, ids))
      gathered.push({ table, ids: ids.name, rows })
      return rows
    },
    tied(table) {
      // A Reshape shares the memory of what it reshapes.
      const value = ties.get(table) ?? g.op('Reshape', [weight(table), g.ints(weight(table).shape)])
      ties.set(table, value)
      return value
    },
    dropout(x, rate, place) {
      if (!training || rate === 0) return x
      const feed = `mask.${place}`
      masks.push({ feed, shape: x.shape, keep: 1 - rate })
      return mul(g, x, g.input(feed, 'float32', x.shape))
    },
  }
}

/** One dimension of ids, whatever the numbers behind the dimensions turn out to be. */
export function flat(g: GraphBuilder, ids: Value): Value {
  return ids.shape.length === 1 ? ids : g.op('Reshape', [ids, g.ints([-1])])
}
