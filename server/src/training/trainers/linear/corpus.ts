/** From rows to the training problem: shards, vocabulary, columns, scales. */
import { isHeldOut } from '../../../evaluation/heldOut.ts'
import { hashText } from '../../../math/hash.ts'
import { LONG } from '../../../models/text/features.ts'
import type { LexiconGroup, LinearRecipe } from '../../../models/text/recipe.ts'
import { inverseDocumentFrequency, logCountRatio } from '../../../models/text/weighting.ts'
import type { Problem } from './problem.ts'
import { indexLexicon, type LexiconIndex, makeShard, SHARD_ROWS, type Shard } from './shard.ts'
import { type Counted, findColumn, indexColumns, orderColumns, type ShardColumns } from './vocabulary.ts'
import type { WorkerPool } from './workerPool.ts'

/** One labelled text. */
export interface TrainingRow {
  readonly text: string
  readonly label: string
  /** [labels] how probable each label is, as another model says; the label alone if absent. They sum to 1. */
  readonly target?: readonly number[]
  /** How much the row counts; 1 if absent. */
  readonly weight?: number
  /** Rows of one group stay on one side of the held-out split (a film, a thread); the text itself if absent. */
  readonly group?: string
  /** Read in its short form, however long it is: so that long texts train the short forms too. */
  readonly asShort?: boolean
  /** Forces the side. */
  readonly heldOut?: boolean
}

export interface RowSet {
  readonly label: number[]
  /** [rows] null where the label alone is what is to be learned. */
  readonly target: (readonly number[] | null)[]
  readonly weight: number[]
  readonly shards: Shard[]
}

export interface Corpus {
  readonly training: RowSet
  readonly heldOut: RowSet
  readonly heldOutTexts: string[]
}

/** Reads rows as they come and has them made into features at once, shard by shard. */
export async function gather(
  rows: Iterable<TrainingRow> | AsyncIterable<TrainingRow>,
  labels: readonly string[],
  recipe: LinearRecipe,
  seed: number,
  pool: WorkerPool,
  onRows: (rows: number) => void,
): Promise<Corpus> {
  const labelIndex = new Map(labels.map((label, k) => [label, k]))
  const sides = { training: side(pool), heldOut: side(pool) }
  const heldOutTexts: string[] = []
  let seen = 0
  for await (const row of rows) {
    const label = labelIndex.get(row.label)
    if (label === undefined)
      throw new Error(`a training row has the label ${JSON.stringify(row.label)}, which the task lacks`)
    const held = row.heldOut ?? isHeldOut(row.group ?? row.text, recipe.heldOutShare, `held-out ${seed}`)
    // The short reading of a long text is for training only: its plain reading is what the held-out rows measure.
    if (held && row.asShort) continue
    if (held) heldOutTexts.push(row.text)
    if (row.target !== undefined && row.target.length !== labels.length)
      throw new Error(`a training row has ${row.target.length} probabilities for ${labels.length} labels`)
    await (held ? sides.heldOut : sides.training).add(row, label)
    if (++seen % SHARD_ROWS === 0) onRows(seen)
  }
  return { training: await sides.training.finish(), heldOut: await sides.heldOut.finish(), heldOutTexts }
}

/** Shards under way at most, for each worker: bounds what waits in memory. */
const SHARDS_WAITING_MAX = 4

function side(pool: WorkerPool): {
  add(row: TrainingRow, label: number): Promise<void>
  finish(): Promise<RowSet>
} {
  const label: number[] = []
  const target: (readonly number[] | null)[] = []
  const weight: number[] = []
  const shards: Promise<Shard>[] = []
  let texts: string[] = []
  let asShort = new Uint8Array(SHARD_ROWS)
  const send = (): void => {
    if (texts.length === 0) return
    shards.push(pool.call(shards.length % pool.workers, 'shard', { texts, asShort }))
    texts = []
    asShort = new Uint8Array(SHARD_ROWS)
  }
  return {
    async add(row, k) {
      asShort[texts.length] = row.asShort ? 1 : 0
      texts.push(row.text)
      label.push(k)
      target.push(row.target ?? null)
      weight.push(row.weight ?? 1)
      if (texts.length < SHARD_ROWS) return
      send()
      const waited = shards.length - SHARDS_WAITING_MAX * pool.workers
      if (waited >= 0) await shards[waited]
    },
    async finish() {
      send()
      return { label, target, weight, shards: await Promise.all(shards) }
    },
  }
}

/** The words that have attributes, each once, in the order of the shards. */
interface Types {
  readonly index: Int32Array
  readonly start: number[]
  readonly attribute: number[]
}

function mergeTypes(shards: readonly Shard[]): Types {
  const seen = new Set<number>()
  const hash: number[] = []
  const start: number[] = [0]
  const attribute: number[] = []
  for (const shard of shards) {
    for (let t = 0; t < shard.typeHash.length; t++) {
      if (seen.has(shard.typeHash[t])) continue
      seen.add(shard.typeHash[t])
      hash.push(shard.typeHash[t])
      for (let j = shard.typeStart[t]; j < shard.typeStart[t + 1]; j++) attribute.push(shard.attribute[j])
      start.push(attribute.length)
    }
  }
  return { index: indexColumns(Int32Array.from(hash)), start, attribute }
}

export interface Prepared {
  readonly problem: Problem
  /** [features] */
  readonly featureHash: Int32Array
  readonly featureRows: Uint32Array
  /** [attributes] */
  readonly attributeHash: Int32Array
  /** [attributes] 1 for lexicon groups, 0 for character n-grams */
  readonly lexical: Uint8Array
  /** Lexicon words that no row has, with their attributes. */
  readonly unseen: { readonly hash: number; readonly attributes: readonly number[] }[]
}

/** Builds the problem in shared memory; the pool shares the heavy passes. */
export async function prepare(
  corpus: Corpus,
  labels: number,
  recipe: LinearRecipe,
  lexicon: readonly LexiconGroup[],
  pool: WorkerPool,
): Promise<Prepared> {
  const types = mergeTypes(corpus.training.shards)
  const partBits = Math.ceil(Math.log2(pool.workers))
  const parts: Counted[] = []
  for (let first = 0; first < 1 << partBits; first += pool.workers) {
    const counted = await pool.all('count', (worker) => ({
      shards: corpus.training.shards,
      part: first + worker,
      partBits,
      rowsMin: recipe.rowsMin,
      always: types.index,
    }))
    parts.push(...counted)
  }
  const { hash, rows } = orderColumns(parts, recipe.featuresMax)
  const index = indexColumns(hash)
  const attributes = indexAttributes(types, hash)
  const problem = await makeProblem(corpus, labels, recipe, pool, { rows, index, attributes })
  setScales(problem, hash, rows, labels, recipe, longRows(corpus.training.shards))
  const lexiconIndex = indexLexicon(lexicon)
  const lexical = lexicalOf(attributes.hash, lexicon)
  problem.attributeScale.set(
    Float64Array.from(lexical, (is) => (is === 1 ? recipe.lexiconScale : recipe.charactersScale)),
  )
  const unseen = unseenWords(lexicon, lexiconIndex, recipe, index, attributes)
  return { problem, featureHash: hash, featureRows: rows, attributeHash: attributes.hash, lexical, unseen }
}

interface Attributes {
  readonly hash: Int32Array
  readonly start: Uint32Array
  readonly of: Uint32Array
  readonly memberStart: Uint32Array
  readonly member: Uint32Array
}

/** Attributes by features and features by attributes. An attribute of one word only would repeat that word: left out. */
function indexAttributes(types: Types, features: Int32Array): Attributes {
  const members = new Map<number, number>()
  const typeOf = Int32Array.from(features, (h) => findColumn(types.index, h))
  for (const type of typeOf) {
    if (type < 0) continue
    for (let j = types.start[type]; j < types.start[type + 1]; j++) {
      members.set(types.attribute[j], (members.get(types.attribute[j]) ?? 0) + 1)
    }
  }
  const hash = Int32Array.from([...members].filter(([, count]) => count > 1).map(([h]) => h)).sort()
  const column = new Map(Array.from(hash, (h, a) => [h, a]))
  const start = new Uint32Array(new SharedArrayBuffer(4 * (features.length + 1)))
  const of: number[] = []
  const counts = new Uint32Array(hash.length)
  for (const [f, type] of typeOf.entries()) {
    if (type >= 0) {
      for (let j = types.start[type]; j < types.start[type + 1]; j++) {
        const a = column.get(types.attribute[j])
        if (a === undefined) continue
        of.push(a)
        counts[a]++
      }
    }
    start[f + 1] = of.length
  }
  const memberStart = new Uint32Array(new SharedArrayBuffer(4 * (hash.length + 1)))
  for (let a = 0; a < hash.length; a++) memberStart[a + 1] = memberStart[a] + counts[a]
  const member = new Uint32Array(new SharedArrayBuffer(4 * of.length))
  const next = memberStart.slice()
  for (let f = 0; f < features.length; f++) for (let j = start[f]; j < start[f + 1]; j++) member[next[of[j]]++] = f
  return { hash, start, of: sharedCopy(of), memberStart, member }
}

function sharedCopy(values: readonly number[]): Uint32Array {
  const copy = new Uint32Array(new SharedArrayBuffer(4 * values.length))
  copy.set(values)
  return copy
}

const sharedDoubles = (length: number): Float64Array => new Float64Array(new SharedArrayBuffer(8 * length))
const sharedFloats = (length: number): Float32Array => new Float32Array(new SharedArrayBuffer(4 * length))

async function makeProblem(
  corpus: Corpus,
  labels: number,
  recipe: LinearRecipe,
  pool: WorkerPool,
  { rows, index, attributes }: { rows: Uint32Array; index: Int32Array; attributes: Attributes },
): Promise<Problem> {
  const sets = [corpus.training, corpus.heldOut]
  const all = sets.flatMap((set) => set.shards)
  const share = Math.ceil(all.length / pool.workers)
  const columnsOf = await pool.all('columns', (w) => ({ shards: all.slice(w * share, (w + 1) * share), index }))
  let firstRow = 0
  const shards = columnsOf.flat().map((shard: ShardColumns) => {
    const placed = { ...shard, firstRow }
    firstRow += shard.rowStart.length - 1
    return placed
  })
  const total = firstRow
  const features = rows.length
  const columns = labels === 2 ? 1 : labels
  const label = new Int32Array(new SharedArrayBuffer(4 * total))
  label.set(sets.flatMap((set) => set.label))
  const lengthScale = sharedDoubles(total)
  let at = 0
  for (const { scale } of all) {
    lengthScale.set(scale, at)
    at += scale.length
  }
  const weight = sharedDoubles(total)
  weight.set(balanced(corpus.training, labels, recipe.labelBalance))
  weight.set(corpus.heldOut.weight, corpus.training.label.length)
  const featureStart = new Uint32Array(new SharedArrayBuffer(4 * (features + 1)))
  for (let f = 0; f < features; f++) featureStart[f + 1] = featureStart[f] + rows[f]
  const parameters = (features + attributes.hash.length + 1) * columns
  const problem: Problem = {
    rows: total,
    rowsTraining: corpus.training.label.length,
    features,
    attributes: attributes.hash.length,
    columns,
    shards,
    featureStart,
    featureRow: new Uint32Array(new SharedArrayBuffer(4 * featureStart[features])),
    lengthScale,
    weight,
    label,
    target: targetsOf(sets, labels, columns),
    scale: sharedDoubles(features * columns),
    attributeScale: sharedDoubles(attributes.hash.length),
    attributeStart: attributes.start,
    attributeOf: attributes.of,
    memberStart: attributes.memberStart,
    member: attributes.member,
    point: sharedDoubles(parameters),
    gradient: sharedDoubles(parameters),
    effective: sharedFloats(features * columns),
    effectiveGradient: sharedFloats(features * columns),
    logits: sharedDoubles(total * columns),
    residual: sharedDoubles(total * columns),
    shardSums: sharedDoubles(shards.length * (1 + columns)),
    weightTotal: weight.subarray(0, corpus.training.label.length).reduce((sum, w) => sum + w, 0),
    penaltyInverse: recipe.penaltyInverse,
    barrier: new Int32Array(new SharedArrayBuffer(8)),
  }
  await pool.all('problem', () => problem)
  const cuts = split(featureStart, pool.workers)
  await pool.all('transpose', (w) => [cuts[w], cuts[w + 1]] as const)
  return problem
}

/** [rows · columns] of all rows, or null where every row has its label alone. */
function targetsOf(sets: readonly RowSet[], labels: number, columns: number): Float64Array | null {
  if (sets.every(({ target }) => target.every((one) => one === null))) return null
  const rows = sets.flatMap(({ label, target }) =>
    target.map((one, i) => one ?? Array.from({ length: labels }, (_, k) => (k === label[i] ? 1 : 0))),
  )
  const targets = sharedDoubles(rows.length * columns)
  for (const [i, row] of rows.entries()) {
    if (columns === 1) targets[i] = row[1]
    else targets.set(row, i * columns)
  }
  return targets
}

/** Row weights with each label's total drawn towards the mean of all: w · (mean / total)^balance. */
function balanced(set: RowSet, labels: number, balance: number): Float64Array {
  const totals = new Float64Array(labels)
  for (let i = 0; i < set.label.length; i++) totals[set.label[i]] += set.weight[i]
  const present = totals.filter((total) => total > 0)
  const mean = present.reduce((sum, total) => sum + total, 0) / present.length
  return Float64Array.from(set.weight, (w, i) => w * (mean / totals[set.label[i]]) ** balance)
}

/** Cuts items with cumulative sizes into parts of about equal size: [parts + 1] boundaries. */
export function split(cumulative: ArrayLike<number>, parts: number): number[] {
  const items = cumulative.length - 1
  const cuts = [0]
  let item = 0
  for (let p = 1; p < parts; p++) {
    // An item costs something even when it is empty.
    const target = ((cumulative[items] + items) * p) / parts
    while (item < items && cumulative[item] + item < target) item++
    cuts.push(item)
  }
  cuts.push(items)
  return cuts
}

function longRows(shards: readonly Shard[]): Uint8Array {
  const long = new Uint8Array(shards.reduce((sum, shard) => sum + shard.long.length, 0))
  let at = 0
  for (const shard of shards) {
    long.set(shard.long, at)
    at += shard.long.length
  }
  return long
}

/** Scale of the constant feature of long texts: it is a bias in all but name, and hardly penalised. */
const LONG_SCALE = 100

/** @param long [training rows] 1 where the row is a long text: it has long features only. */
function setScales(
  problem: Problem,
  hash: Int32Array,
  rows: Uint32Array,
  labels: number,
  recipe: LinearRecipe,
  long: Uint8Array,
): void {
  const { features, columns, featureStart, featureRow, weight, scale } = problem
  const counts = new Float64Array(features * labels)
  const form = Uint8Array.from({ length: features }, (_, f) => long[featureRow[featureStart[f]]])
  // Long and short forms are two vocabularies: each has its own totals, or a word that is as frequent with either
  // label in reviews would seem biased, because posts are.
  const totals = [new Float64Array(labels), new Float64Array(labels)]
  const occurs = [new Float64Array(labels), new Float64Array(labels)]
  for (let f = 0; f < features; f++) {
    for (let i = featureStart[f]; i < featureStart[f + 1]; i++) {
      countRow(problem, featureRow[i], weight[featureRow[i]], counts, f * labels)
    }
    for (let k = 0; k < labels; k++) {
      totals[form[f]][k] += 1 + counts[f * labels + k]
      occurs[form[f]][k] += counts[f * labels + k]
    }
  }
  const grand = totals.map((total) => total.reduce((sum, count) => sum + count, 0))
  for (let f = 0; f < features; f++) {
    if (rows[f] < recipe.rowsMin) continue
    const rarity = recipe.ownScale * inverseDocumentFrequency(problem.rowsTraining, rows[f]) ** recipe.idfPower
    const base = form[f] === 1 ? recipe.longScale * rarity : rarity
    const total = totals[form[f]]
    let all = 0
    for (let k = 0; k < labels; k++) all += counts[f * labels + k]
    for (let k = 0; k < columns; k++) {
      const own = columns === 1 ? 1 : k
      const at = f * columns + k
      if (hash[f] === LONG) scale[at] = LONG_SCALE
      // No row of this form has the label: the constant feature alone says so.
      else if (occurs[form[f]][own] === 0) scale[at] = 0
      else {
        const inLabel = counts[f * labels + own]
        const ratio = logCountRatio(inLabel, all - inLabel, total[own], grand[form[f]] - total[own])
        scale[at] = Math.abs(ratio) ** recipe.countRatioPower * base
      }
    }
  }
}

/** Adds a row's weight to the counts of its labels: to the one that it has, or to each as probable as it is. */
function countRow({ label, target, columns }: Problem, row: number, weight: number, counts: Float64Array, at: number) {
  if (target === null) counts[at + label[row]] += weight
  else if (columns === 1) {
    counts[at] += weight * (1 - target[row])
    counts[at + 1] += weight * target[row]
  } else for (let k = 0; k < columns; k++) counts[at + k] += weight * target[row * columns + k]
}

function lexicalOf(hash: Int32Array, lexicon: readonly LexiconGroup[]): Uint8Array {
  const groups = new Set(
    lexicon.flatMap(({ name }) => [hashText(`<lexicon ${name}>`), hashText(`<lexicon negated ${name}>`)]),
  )
  return Uint8Array.from(hash, (h) => (groups.has(h) ? 1 : 0))
}

function unseenWords(
  lexicon: readonly LexiconGroup[],
  lexiconIndex: LexiconIndex,
  recipe: LinearRecipe,
  features: Int32Array,
  attributes: Attributes,
): { hash: number; attributes: number[] }[] {
  const column = new Map(Array.from(attributes.hash, (h, a) => [h, a]))
  const words = lexicon.flatMap((group) => group.words).flatMap((word) => [word, `not ${word}`])
  const shard = makeShard(words, recipe.options, lexiconIndex, new Uint8Array(words.length))
  const unseen: { hash: number; attributes: number[] }[] = []
  for (let t = 0; t < shard.typeHash.length; t++) {
    const hash = shard.typeHash[t]
    if (findColumn(features, hash) >= 0 || !lexiconIndex.has(hash)) continue
    const known: number[] = []
    for (let j = shard.typeStart[t]; j < shard.typeStart[t + 1]; j++) {
      const a = column.get(shard.attribute[j])
      if (a !== undefined) known.push(a)
    }
    unseen.push({ hash, attributes: known })
  }
  return unseen
}
