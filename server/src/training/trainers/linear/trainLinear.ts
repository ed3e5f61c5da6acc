/**
 * Trains a linear text model: rows in, artifact out.
 *
 * read → features (shards, all workers) → vocabulary → L-BFGS on shared memory, held-out loss watched → centre,
 * choose and quantise the weights → temperature on the held-out rows. Deterministic: the same rows, recipe and seed
 * give the same bytes with any number of workers.
 */
import { lbfgs } from '../../../math/lbfgs.ts'
import { decodeLinear, encodeLinear, type LinearWeights, MODEL_FILE } from '../../../models/text/linearCodec.ts'
import type { LinearModel } from '../../../models/text/linearModel.ts'
import type { LexiconGroup, LinearRecipe } from '../../../models/text/recipe.ts'
import { quantise } from '../../../models/text/weightTable.ts'
import { crossEntropy, fitTemperature, fitTemperatureTo, logLoss } from '../../../stats/temperature.ts'
import { type Corpus, gather, type Prepared, prepare, split, type TrainingRow } from './corpus.ts'
import { finishEvaluation, hessianDiagonal, type Part, type Problem } from './problem.ts'
import { type WorkerPool, workerPool } from './workerPool.ts'

export interface TrainingProgress {
  readonly phase: 'reading' | 'preparing' | 'fitting' | 'calibrating'
  /** Rows read, or steps of the solver taken. */
  readonly done: number
  /** Unknown while reading. */
  readonly total: number | null
  readonly loss: number | null
  readonly heldOutLoss: number | null
  readonly heldOutAccuracy: number | null
  readonly heldOutRows: number
  /** L2 norm over all parameters. */
  readonly gradientNorm: number | null
  readonly rowsPerSecond: number
  readonly etaSeconds: number | null
}

export interface TrainLinear {
  readonly rows: Iterable<TrainingRow> | AsyncIterable<TrainingRow>
  readonly labels: readonly string[]
  readonly recipe: LinearRecipe
  readonly lexicon?: readonly LexiconGroup[]
  readonly seed: number
  readonly workers: number
  readonly onProgress?: (progress: TrainingProgress) => void
  readonly signal?: AbortSignal
  /** A clock in milliseconds, for progress only. */
  readonly now?: () => number
}

export interface TrainedLinear {
  readonly model: LinearModel
  readonly artifactFiles: Readonly<Record<string, Uint8Array>>
  readonly rows: number
  readonly features: number
  readonly steps: number
  readonly calibration: { readonly temperature: number; readonly rows: number }
  /** The held-out rows with what the finished model says of them: what an evaluation needs. */
  readonly heldOut: {
    readonly truth: Int32Array
    readonly probabilities: Float64Array
    readonly texts: readonly string[]
  }
  /** Held-out log-loss and accuracy of the float weights before pruning and quantising: what shipping costs. */
  readonly unquantised: { readonly logLoss: number; readonly accuracy: number }
  readonly seconds: Readonly<Record<TrainingProgress['phase'], number>>
}

export async function trainLinear(asked: TrainLinear): Promise<TrainedLinear> {
  const { labels, recipe, seed, signal } = asked
  const now = asked.now ?? (() => performance.now())
  const lexicon = asked.lexicon ?? []
  const workers = Math.max(1, asked.workers)
  const pool = workerPool(workers)
  const started = now()
  try {
    await pool.all('begin', () => ({ options: recipe.options, lexicon }))
    const report = reporter(asked, now)
    const corpus = await gather(asked.rows, labels, recipe, seed, pool, (rows) => {
      signal?.throwIfAborted()
      report({ phase: 'reading', done: rows })
    })
    const read = now()
    report({ phase: 'preparing', done: 0 })
    const prepared = await prepare(corpus, labels.length, recipe, lexicon, pool)
    signal?.throwIfAborted()
    const preparedAt = now()
    const fitted = await fit(prepared.problem, recipe, pool, report, signal)
    const fittedAt = now()
    report({ phase: 'calibrating', done: 0 })
    const weights = ship(prepared, fitted.point, labels, recipe)
    const { model, files, heldOut, temperature } = calibrate(weights, corpus, labels, prepared.problem)
    const end = now()
    return {
      model,
      artifactFiles: files,
      rows: prepared.problem.rowsTraining,
      features: weights.hashes.length,
      steps: fitted.steps,
      calibration: { temperature, rows: heldOut.truth.length },
      heldOut,
      unquantised: { logLoss: fitted.heldOutLoss, accuracy: fitted.heldOutAccuracy },
      seconds: {
        reading: (read - started) / 1000,
        preparing: (preparedAt - read) / 1000,
        fitting: (fittedAt - preparedAt) / 1000,
        calibrating: (end - fittedAt) / 1000,
      },
    }
  } finally {
    await pool.close()
  }
}

type Report = (progress: Partial<TrainingProgress> & Pick<TrainingProgress, 'phase' | 'done'>) => void

function reporter({ onProgress }: TrainLinear, now: () => number): Report {
  let phase: TrainingProgress['phase'] | undefined
  let phaseStart = now()
  return (progress) => {
    if (progress.phase !== phase) {
      phase = progress.phase
      phaseStart = now()
    }
    const seconds = (now() - phaseStart) / 1000
    const total = progress.total ?? null
    onProgress?.({
      total,
      loss: null,
      heldOutLoss: null,
      heldOutAccuracy: null,
      heldOutRows: 0,
      gradientNorm: null,
      rowsPerSecond: seconds > 0 ? progress.done / seconds : 0,
      etaSeconds: total === null || progress.done === 0 ? null : (seconds / progress.done) * (total - progress.done),
      ...progress,
    })
  }
}

interface Fitted {
  readonly point: Float64Array
  readonly steps: number
  readonly heldOutLoss: number
  readonly heldOutAccuracy: number
}

/** Largest part of the gradient at which the optimum is taken as found. */
const GRADIENT_MAX = 1e-6
/** Pairs that L-BFGS keeps: 5 to 10 measured alike here, and each costs two vectors of all parameters. */
const MEMORY = 6

async function fit(
  problem: Problem,
  recipe: LinearRecipe,
  pool: WorkerPool,
  report: Report,
  signal?: AbortSignal,
): Promise<Fitted> {
  const parts = partsOf(problem, pool.workers)
  const solver = lbfgs(problem.point, problem.gradient, {
    stepsMax: recipe.stepsMax,
    memory: MEMORY,
    gradientMax: GRADIENT_MAX,
    diagonal: hessianDiagonal(problem),
  })
  let best: Fitted = { point: problem.point.slice(), steps: 0, heldOutLoss: Infinity, heldOutAccuracy: 0 }
  const watched = watchable(problem)
  let ask = solver.next()
  while (!ask.done) {
    signal?.throwIfAborted()
    if (ask.value.kind === 'evaluate') {
      await pool.all('evaluate', (worker) => ({ part: parts[worker], workers: pool.workers }))
      ask = solver.next(finishEvaluation(problem))
      continue
    }
    const { step, value } = ask.value
    const heldOut = watched ? heldOutFigures(problem) : { loss: value, accuracy: NaN }
    if (heldOut.loss < best.heldOutLoss || !watched) {
      best = { point: problem.point.slice(), steps: step, heldOutLoss: heldOut.loss, heldOutAccuracy: heldOut.accuracy }
    }
    report({
      phase: 'fitting',
      done: step,
      total: recipe.stepsMax,
      loss: value,
      heldOutLoss: watched ? heldOut.loss : null,
      heldOutAccuracy: watched ? heldOut.accuracy : null,
      heldOutRows: problem.rows - problem.rowsTraining,
      gradientNorm: norm(problem.gradient),
    })
    if (step - best.steps >= recipe.earlyStopping) break
    ask = solver.next(0)
  }
  return best
}

function norm(vector: Float64Array): number {
  let squares = 0
  for (let i = 0; i < vector.length; i++) squares += vector[i] * vector[i]
  return Math.sqrt(squares)
}

/** A label needs this many held-out rows before the held-out loss may end a run: without them a model that ignores the label has the lower loss. */
const WATCHED_ROWS_MIN = 5

/** Whether the held-out rows represent every label of the training rows. */
function watchable({ rows, rowsTraining, label }: Problem): boolean {
  const counts = new Map<number, number>()
  for (let i = 0; i < rowsTraining; i++) counts.set(label[i], 0)
  for (let i = rowsTraining; i < rows; i++) counts.set(label[i], (counts.get(label[i]) ?? 0) + 1)
  return rows > rowsTraining && [...counts.values()].every((count) => count >= WATCHED_ROWS_MIN)
}

function partsOf(problem: Problem, workers: number): Part[] {
  const rowFeatures = [0]
  for (const { column } of problem.shards) rowFeatures.push(rowFeatures[rowFeatures.length - 1] + column.length)
  const features = split(problem.featureStart, workers)
  const shards = split(rowFeatures, workers)
  const attributes = split(problem.memberStart, workers)
  return Array.from({ length: workers }, (_, w) => ({
    features: [features[w], features[w + 1]] as const,
    shards: [shards[w], shards[w + 1]] as const,
    attributes: [attributes[w], attributes[w + 1]] as const,
  }))
}

function heldOutFigures(problem: Problem): { loss: number; accuracy: number } {
  const { rows, rowsTraining, columns, logits, label } = problem
  const labels = columns === 1 ? 2 : columns
  const all = new Float64Array((rows - rowsTraining) * labels)
  let right = 0
  for (let i = rowsTraining; i < rows; i++) {
    const at = (i - rowsTraining) * labels
    if (columns === 1) all[at + 1] = logits[i]
    else all.set(logits.subarray(i * columns, (i + 1) * columns), at)
    let top = 0
    for (let k = 1; k < labels; k++) if (all[at + k] > all[at + top]) top = k
    if (top === label[i]) right++
  }
  const weights = problem.weight.subarray(rowsTraining)
  const targets = heldOutTargets(problem, labels)
  return {
    loss:
      targets === null
        ? logLoss(all, label.subarray(rowsTraining), labels, 1, weights)
        : crossEntropy(all, targets, labels, 1, weights),
    accuracy: right / (rows - rowsTraining),
  }
}

/** [held-out rows · labels] where rows have probabilities; else null. */
function heldOutTargets({ target, rowsTraining, columns }: Problem, labels: number): Float64Array | null {
  if (target === null) return null
  const held = target.subarray(rowsTraining * columns)
  return columns > 1
    ? held
    : Float64Array.from({ length: held.length * labels }, (_, i) => (i % 2 === 1 ? held[i >> 1] : 1 - held[i >> 1]))
}

/** θ → the weights that ship: effective, centred over the labels, the heaviest ones, quantised, by hash. */
function ship(prepared: Prepared, point: Float64Array, labels: readonly string[], recipe: LinearRecipe): LinearWeights {
  const { columns } = prepared.problem
  const candidates = candidatesOf(prepared, point, recipe.options.characters !== null)
  const kept = heaviest(candidates, columns, recipe.shippedMax)
  const weights = new Int8Array(columns * kept.length)
  const units = new Float64Array(columns)
  for (let k = 0; k < columns; k++) {
    const { unit, q } = quantise(Float64Array.from(kept, (f) => candidates.weight[f * columns + k]))
    units[k] = unit
    weights.set(q, k * kept.length)
  }
  const hashes = Int32Array.from(kept, (f) => candidates.hash[f])
  return { labels, options: recipe.options, temperature: 1, bias: point.slice(-columns), units, hashes, weights }
}

interface Candidates {
  readonly count: number
  readonly hash: Int32Array
  /** In how many rows (for character n-grams: words). */
  readonly rows: Float64Array
  /** [candidates · columns] centred over the labels, which the softmax does not see */
  readonly weight: Float64Array
}

/** Everything that has a weight: words and n-grams, lexicon words that no row has, character n-grams. */
function candidatesOf(
  { problem, featureHash, featureRows, attributeHash, lexical, unseen }: Prepared,
  point: Float64Array,
  characters: boolean,
): Candidates {
  const { features, attributes, columns, scale, attributeScale, attributeStart, attributeOf, memberStart } = problem
  const most = features + unseen.length + (characters ? attributes : 0)
  const hash = new Int32Array(most)
  const rows = new Float64Array(most)
  const weight = new Float64Array(most * columns)
  let count = 0
  const addAttribute = (a: number): void => {
    for (let k = 0; k < columns; k++) {
      weight[count * columns + k] += attributeScale[a] * point[(features + a) * columns + k]
    }
  }
  const close = (h: number, inRows: number): void => {
    hash[count] = h
    rows[count] = inRows
    if (columns > 1) {
      let mean = 0
      for (let k = 0; k < columns; k++) mean += weight[count * columns + k] / columns
      for (let k = 0; k < columns; k++) weight[count * columns + k] -= mean
    }
    count++
  }
  for (const word of unseen) {
    for (const a of word.attributes) addAttribute(a)
    close(word.hash, 1)
  }
  for (let f = 0; f < features; f++) {
    let own = false
    for (let k = 0; k < columns; k++) {
      const j = f * columns + k
      own ||= scale[j] !== 0
      weight[count * columns + k] = scale[j] * point[j]
    }
    for (let j = attributeStart[f]; j < attributeStart[f + 1]; j++) own ||= lexical[attributeOf[j]] === 1
    // A word with neither a weight of its own nor a place in the lexicon is left to its character n-grams, which say
    // the same.
    if (!own) continue
    for (let j = attributeStart[f]; j < attributeStart[f + 1]; j++) addAttribute(attributeOf[j])
    close(featureHash[f], featureRows[f])
  }
  if (characters) {
    for (let a = 0; a < attributes; a++) {
      weight.fill(0, count * columns, (count + 1) * columns)
      addAttribute(a)
      close(attributeHash[a], memberStart[a + 1] - memberStart[a])
    }
  }
  return { count, hash, rows, weight }
}

/**
 * The candidates worth shipping: importance = largest |weight| · √rows, at most `most`, each hash once, no zeros;
 * ascending by unsigned hash.
 */
function heaviest({ count, hash, rows, weight }: Candidates, columns: number, most: number): Uint32Array {
  const importance = new Float64Array(count)
  for (let f = 0; f < count; f++) {
    let largest = 0
    for (let k = 0; k < columns; k++) largest = Math.max(largest, Math.abs(weight[f * columns + k]))
    importance[f] = largest * Math.sqrt(rows[f])
  }
  const threshold = count > most ? importance.slice().sort()[count - most] : 0
  const kept = Uint32Array.from({ length: count }, (_, f) => f).filter(
    (f) => importance[f] > 0 && importance[f] >= threshold,
  )
  kept.sort((a, b) => (hash[a] >>> 0) - (hash[b] >>> 0) || importance[b] - importance[a] || a - b)
  const distinct = kept.filter((f, i) => i === 0 || hash[f] !== hash[kept[i - 1]])
  return distinct.length > most ? distinct.subarray(0, most) : distinct
}

/**
 * Fits the temperature on what the finished model says of the held-out texts. Where these lack a label they may make
 * the model humbler, never surer.
 */
function calibrate(
  weights: LinearWeights,
  corpus: Corpus,
  labels: readonly string[],
  problem: Problem,
): { model: LinearModel; files: Record<string, Uint8Array>; heldOut: TrainedLinear['heldOut']; temperature: number } {
  const texts = corpus.heldOutTexts
  const truth = Int32Array.from(corpus.heldOut.label)
  const raw = decodeLinear({ [MODEL_FILE]: encodeLinear(weights) })
  // ln p is the logits up to a constant a row, which the softmax does not see.
  const logits = scoreAll(raw, texts).map((p) => Math.log(Math.max(p, Number.MIN_VALUE)))
  const targets = heldOutTargets(problem, labels.length)
  const fitted =
    targets === null ? fitTemperature(logits, truth, labels.length) : fitTemperatureTo(logits, targets, labels.length)
  const temperature = watchable(problem) ? fitted : Math.max(1, fitted)
  const files = { [MODEL_FILE]: encodeLinear({ ...weights, temperature }) }
  const model = decodeLinear(files)
  return { model, files, temperature, heldOut: { truth, texts, probabilities: scoreAll(model, texts) } }
}

function scoreAll(model: LinearModel, texts: readonly string[]): Float64Array {
  const labels = model.labels.length
  const probabilities = new Float64Array(texts.length * labels)
  for (const [i, text] of texts.entries()) probabilities.set(model.score(text).probabilities, i * labels)
  return probabilities
}
