/** What a worker of the pool can be asked to do. Arguments and answers are plain or shared memory. */
import type { LinearOptions } from '../../../models/text/linearParameters.ts'
import type { LexiconGroup } from '../../../models/text/recipe.ts'
import { evaluatePart, type Part, type Problem, transposePart } from './problem.ts'
import { indexLexicon, type LexiconIndex, makeShard, type Shard } from './shard.ts'
import { type Counted, countFeatures, type ShardColumns, toColumns } from './vocabulary.ts'

interface State {
  options?: LinearOptions
  lexicon?: LexiconIndex
  problem?: Problem
}

export const operations = {
  begin(state: State, { options, lexicon }: { options: LinearOptions; lexicon: readonly LexiconGroup[] }): void {
    state.options = options
    state.lexicon = indexLexicon(lexicon)
  },
  shard(state: State, { texts, asShort }: { texts: readonly string[]; asShort: Uint8Array }): Shard {
    if (state.options === undefined || state.lexicon === undefined) throw new Error('shard before begin')
    return makeShard(texts, state.options, state.lexicon, asShort)
  },
  count(
    _state: State,
    asked: { shards: readonly Shard[]; part: number; partBits: number; rowsMin: number; always: Int32Array },
  ): Counted {
    return countFeatures(asked.shards, asked.part, asked.partBits, asked.rowsMin, asked.always)
  },
  columns(_state: State, { shards, index }: { shards: readonly Shard[]; index: Int32Array }): ShardColumns[] {
    return shards.map((shard) => toColumns(shard, index))
  },
  problem(state: State, problem: Problem): void {
    state.problem = problem
  },
  transpose(state: State, features: readonly [number, number]): void {
    if (state.problem === undefined) throw new Error('transpose before problem')
    transposePart(state.problem, features)
  },
  evaluate(state: State, { part, workers }: { part: Part; workers: number }): void {
    if (state.problem === undefined) throw new Error('evaluate before problem')
    evaluatePart(state.problem, part, workers)
  },
}

export type Operations = typeof operations

export interface PoolWorker {
  run<N extends keyof Operations>(name: N, argument: Parameters<Operations[N]>[1]): ReturnType<Operations[N]>
}

export function poolWorker(): PoolWorker {
  const state: State = {}
  return {
    run(name, argument) {
      // TypeScript cannot see that the argument belongs to the operation of the same name; `PoolWorker` says so.
      const operation = operations[name] as (state: State, argument: unknown) => unknown
      return operation(state, argument) as ReturnType<Operations[typeof name]>
    },
  }
}
