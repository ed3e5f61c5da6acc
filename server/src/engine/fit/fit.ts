/**
 * Fits a model to examples: epochs of batches by length, AdamW on a schedule, the best parameters by held-out examples.
 *
 * Everything that is random follows from (seed, epoch) or (seed, step, turn), and the order of every sum is fixed, so a
 * run of one seed has one curve; a run that was killed resumes from its last checkpoint to the same curve, bit for bit
 * (for the same number of threads on the same processor: the runtime's kernels depend on both).
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../domain/faults.ts'
import { fmix32 } from '../../math/hash.ts'
import { seededRandom } from '../../math/random.ts'
import type { SessionOptions } from '../session.ts'
import { type AdamW, adamw, clipScale, gradientNorm } from './adamw.ts'
import { average, startAverages } from './averaging.ts'
import { type Batch, batchesOf, paddedShare } from './buckets.ts'
import { readCheckpoint, unusable, writeCheckpoint } from './checkpoint.ts'
import { evaluate } from './evaluate.ts'
import { type Examples, lengthsOf } from './examples.ts'
import { type Learner, openLearner, tensorsOf } from './learner.ts'
import { layOut, type Parameters, scratchBytes } from './parameters.ts'
import { type Schedule, scheduled } from './schedule.ts'
import { openSplitLearner, splitTensorsOf } from './splitLearner.ts'
import type { Bucket, Step, Trainable } from './trainable.ts'

export interface FitOptions {
  readonly seed: number
  readonly epochs: number
  /** Ascending by length. */
  readonly buckets: readonly Bucket[]
  /** Batches that are summed to one step of the optimiser. */
  readonly accumulate: number
  /** The peak of the schedule. */
  readonly learningRate: number
  readonly schedule: Schedule
  readonly adamw: AdamW
  /** Most that the norm of the gradient may be; Infinity for no limit. */
  readonly clip: number
  /** β of running averages of the parameters, which are then measured and given back in their place (averaging.ts). */
  readonly averaging?: number
  /** Epochs without a better figure after which the run ends; Infinity for never. */
  readonly earlyStopping: number
  /** The held-out metric that decides the best epoch. */
  readonly watch: { readonly metric: string; readonly better: 'lower' | 'higher' }
  readonly threads: number
  /**
   * Threads that the rows of a batch are shared out to, instead of the work of each operator: for models of many small
   * operators, whose gradients are whole (splitLearner.ts). Divides the rows of each bucket.
   */
  readonly rowThreads?: number
  /** How often the state is kept, beside at the end and when the run is stopped. */
  readonly checkpointSeconds: number
  /** What else the result depends on (data, first weights): a checkpoint of other such words is refused. */
  readonly identity: string
  readonly session?: SessionOptions
}

/** The held-out examples that are evaluated after each epoch. */
export interface Held {
  readonly examples: Examples
  readonly buckets: readonly Bucket[]
  /** Figures beside the loss out of [examples × width] logits; null where the loss is enough. */
  readonly measure: ((logits: Float32Array, width: number) => Readonly<Record<string, number>>) | null
}

export interface CurvePoint {
  readonly step: number
  readonly epoch: number
  readonly rows: number
  /** Mean over the rows since the point before. */
  readonly loss: number
  readonly learningRate: number
  /** Before clipping, of the last step. */
  readonly gradientNorm: number
}

export interface EpochEvaluation {
  readonly epoch: number
  readonly rows: number
  readonly metrics: Readonly<Record<string, number>>
}

export type FitEvent =
  | ({
      readonly kind: 'point'
      readonly rowsPerSecond: number
      readonly etaSeconds: number | null
    } & CurvePoint)
  | ({ readonly kind: 'evaluated' } & EpochEvaluation)

export interface FitNeeds {
  readonly onEvent: (event: FitEvent) => void
  readonly signal?: AbortSignal
  /** Where checkpoint and best parameters are kept; one folder a run. */
  readonly folder: string
  /** Milliseconds, for speed and checkpoints only. */
  readonly now?: () => number
}

export interface Fitted {
  /** The best parameters by name; they lie in the run's memory. */
  readonly weights: ReadonlyMap<string, Float32Array>
  readonly curve: readonly CurvePoint[]
  readonly evaluations: readonly EpochEvaluation[]
  /** Null where nothing was held out: the weights are the last then. */
  readonly best: EpochEvaluation | null
  readonly epochs: number
  readonly steps: number
  readonly paddedShare: number
  readonly ended: 'epochs' | 'early-stopping'
}

/** Points of a curve; a longer run's points are further apart. */
const POINTS = 1000

export async function fit(
  trainable: Trainable,
  examples: Examples,
  held: Held | null,
  options: FitOptions,
  needs: FitNeeds,
): Promise<Fitted> {
  const run = await openRun(trainable, examples, options, needs)
  try {
    let ended = run.state.ended
    while (ended === null && run.state.epoch < options.epochs) {
      await learnEpoch(run)
      const evaluated = held === null ? null : await evaluateEpoch(run, held)
      run.state.epoch++
      run.state.batch = 0
      ended = evaluated === null ? null : await verdict(run, evaluated)
      run.state.ended = ended
    }
    run.state.ended = ended ?? 'epochs'
    await keep(run)
    return await finish(run)
  } finally {
    for (const learner of run.learners.values()) await learner.close()
  }
}

/** What changes during a run: all of a checkpoint but the arrays. */
interface State {
  readonly fingerprint: string
  step: number
  epoch: number
  /** Batches of this epoch that were learned from. */
  batch: number
  rows: number
  readonly curve: CurvePoint[]
  readonly evaluations: EpochEvaluation[]
  best: EpochEvaluation | null
  /** Since the last point. */
  lossSum: number
  lossRows: number
  ended: Fitted['ended'] | null
}

interface Run {
  readonly trainable: Trainable
  readonly examples: Examples
  readonly lengths: Uint32Array
  readonly options: FitOptions
  readonly needs: FitNeeds
  readonly now: () => number
  readonly steps: readonly Step[]
  readonly stepsTotal: number
  readonly parameters: Parameters
  /** By bucket. */
  readonly learners: Map<number, Learner>
  readonly state: State
  readonly speed: { readonly startedAt: number; readonly rows: number; readonly step: number }
  keptAt: number
}

async function openRun(trainable: Trainable, examples: Examples, options: FitOptions, needs: FitNeeds): Promise<Run> {
  const { buckets, epochs, accumulate } = options
  const now = needs.now ?? (() => performance.now())
  await mkdir(needs.folder, { recursive: true })
  const lengths = lengthsOf(examples)
  const names = new Set(trainable.parameters.map(({ name }) => name))
  const steps: Step[] = []
  const parts = options.rowThreads ?? 1
  for (const { rows, length } of buckets) {
    assert(rows % parts === 0, `${rows} rows are not shared out to ${parts} threads`)
    steps.push(await trainable.step({ rows: rows / parts, length }))
  }
  const tensors = (step: Step) => (parts > 1 ? splitTensorsOf(step, parts, names) : tensorsOf(step, names))
  const scratch = Math.max(...steps.map((step) => scratchBytes(tensors(step))))
  const parameters = layOut(trainable.parameters, scratch, options.averaging !== undefined)
  startAverages(parameters)
  const fingerprint = fingerprintOf(trainable, lengths, options)
  const path = join(needs.folder, CHECKPOINT)
  const kept = await readCheckpoint(path, parameters.state, (state) => accepted(state, fingerprint, path))
  const state = kept ?? firstState(fingerprint)
  const stepsEpoch = Math.ceil(batchesOf(lengths, buckets, null).length / accumulate)
  return {
    trainable,
    examples,
    lengths,
    options,
    needs,
    now,
    steps,
    stepsTotal: stepsEpoch * epochs,
    parameters,
    learners: new Map(),
    state,
    speed: { startedAt: now(), rows: state.rows, step: state.step },
    keptAt: now(),
  }
}

const CHECKPOINT = 'checkpoint.bin'
const BEST = 'best.bin'

function firstState(fingerprint: string): State {
  return {
    fingerprint,
    step: 0,
    epoch: 0,
    batch: 0,
    rows: 0,
    curve: [],
    evaluations: [],
    best: null,
    lossSum: 0,
    lossRows: 0,
    ended: null,
  }
}

/** Everything that the curve depends on. */
function fingerprintOf(trainable: Trainable, lengths: Uint32Array, options: FitOptions): string {
  const { checkpointSeconds: _, session: __, threads: ___, ...learning } = options
  const parameters = trainable.parameters.map(({ name, shape, decays, learns }) => [name, shape, decays, learns])
  return createHash('sha256')
    .update(JSON.stringify([learning, parameters], (_, value: unknown) => (value === Infinity ? 'Infinity' : value)))
    .update(lengths)
    .digest('hex')
}

function accepted(state: unknown, fingerprint: string, path: string): State {
  const kept = state as Partial<State> | null // this module wrote it; the fingerprint says whether for this run
  if (kept?.fingerprint !== fingerprint) throw unusable(path, 'is of another run: other data, parameters or settings')
  return kept as State
}

async function learnEpoch(run: Run): Promise<void> {
  const { state, options, lengths, needs } = run
  const batches = batchesOf(lengths, options.buckets, seededRandom(mixed(options.seed, state.epoch, 0x65706f63)))
  while (state.batch < batches.length) {
    if (needs.signal?.aborted) {
      await keep(run)
      needs.signal.throwIfAborted()
    }
    await learnStep(run, batches.slice(state.batch, state.batch + options.accumulate), batches.length)
    if (run.now() - run.keptAt >= options.checkpointSeconds * 1000) await keep(run)
  }
}

async function learnStep(run: Run, turns: readonly Batch[], batches: number): Promise<void> {
  const { state, options, parameters, stepsTotal } = run
  const { kernel, decaying, plain } = parameters
  const step = state.step + 1
  if (options.accumulate > 1) for (const { g, count } of [decaying, plain]) kernel.zero(g, count)
  for (const [turn, { bucket, rows }] of turns.entries()) {
    const learner = await learnerOf(run, bucket)
    const random = seededRandom(mixed(options.seed, step, turn))
    run.examples.fill(rows, options.buckets[bucket], learner.feeds, random)
    const loss = await learner.run({ seed: options.seed, step, turn })
    state.lossSum += loss * rows.length
    state.lossRows += rows.length
    state.rows += rows.length
  }
  const norm = gradientNorm(parameters) / turns.length
  if (!Number.isFinite(state.lossSum) || !Number.isFinite(norm)) throw diverged(step)
  const learningRate = options.learningRate * scheduled(options.schedule, step, stepsTotal)
  adamw(parameters, options.adamw, { step, learningRate, scale: clipScale(norm, options.clip) / turns.length })
  if (options.averaging !== undefined) average(parameters, options.averaging, step)
  state.step = step
  state.batch += turns.length
  const every = Math.max(1, Math.ceil(stepsTotal / POINTS))
  if (step % every === 0 || state.batch === batches) {
    report(run, { learningRate, gradientNorm: norm, epoch: state.epoch + state.batch / batches })
  }
}

/** Opened when its first batch comes. */
async function learnerOf(run: Run, bucket: number): Promise<Learner> {
  const open = run.learners.get(bucket)
  if (open) return open
  const { steps, parameters, options } = run
  const { accumulate, rowThreads: parts = 1 } = options
  const learner = await (parts > 1
    ? openSplitLearner(steps[bucket], parts, parameters, accumulate > 1, sessionOptions(options))
    : openLearner(steps[bucket], parameters, accumulate > 1, sessionOptions(options)))
  run.learners.set(bucket, learner)
  return learner
}

const sessionOptions = ({ threads, session }: FitOptions): SessionOptions => ({ threads, ...session })

function report(run: Run, at: Pick<CurvePoint, 'learningRate' | 'gradientNorm' | 'epoch'>): void {
  const { state, speed, needs, stepsTotal, now } = run
  const point = { step: state.step, rows: state.rows, loss: state.lossSum / state.lossRows, ...at }
  state.curve.push(point)
  state.lossSum = 0
  state.lossRows = 0
  const seconds = (now() - speed.startedAt) / 1000
  const perStep = seconds / (state.step - speed.step)
  needs.onEvent({
    kind: 'point',
    ...point,
    rowsPerSecond: (state.rows - speed.rows) / seconds,
    etaSeconds: perStep * (stepsTotal - state.step),
  })
}

function diverged(step: number): Fault {
  return new Fault('training_diverged', {
    say: `The loss or its gradient is no longer finite at step ${step}. Take a smaller learning rate.`,
  })
}

async function evaluateEpoch(run: Run, { examples, buckets, measure }: Held): Promise<EpochEvaluation> {
  const { trainable, parameters, options, needs, state } = run
  const { signal } = needs
  const seen = await evaluate(trainable, shown(parameters), examples, buckets, {
    session: sessionOptions(options),
    seed: options.seed,
    logits: measure !== null,
    ...(signal ? { signal } : {}),
  }).catch(async (error: unknown) => {
    if (signal?.aborted) await keep(run)
    throw error
  })
  if (!Number.isFinite(seen.loss)) throw diverged(state.step)
  const metrics = { loss: seen.loss, ...measure?.(seen.logits, seen.width) }
  const evaluated = { epoch: state.epoch + 1, rows: examples.count, metrics }
  state.evaluations.push(evaluated)
  needs.onEvent({ kind: 'evaluated', ...evaluated })
  return evaluated
}

/** Keeps the parameters where they are the best so far; says whether the run is over. */
async function verdict(run: Run, evaluated: EpochEvaluation): Promise<Fitted['ended'] | null> {
  const { state, options, needs, parameters } = run
  if (state.best === null || isBetter(evaluated, state.best, options.watch)) {
    state.best = evaluated
    await writeCheckpoint(join(needs.folder, BEST), evaluated.epoch, { best: shownState(parameters) })
  }
  return evaluated.epoch - state.best.epoch >= options.earlyStopping ? 'early-stopping' : null
}

function isBetter(now: EpochEvaluation, best: EpochEvaluation, { metric, better }: FitOptions['watch']): boolean {
  const [a, b] = [now.metrics[metric], best.metrics[metric]]
  assert(a !== undefined && b !== undefined, `nothing measures ${metric}`)
  return better === 'lower' ? a < b : a > b
}

async function keep(run: Run): Promise<void> {
  await writeCheckpoint(join(run.needs.folder, CHECKPOINT), run.state, run.parameters.state)
  run.keptAt = run.now()
}

async function finish(run: Run): Promise<Fitted> {
  const { state, parameters, options, needs, lengths } = run
  if (state.best !== null && state.best.epoch !== state.epoch) {
    const path = join(needs.folder, BEST)
    const found = await readCheckpoint(path, { best: shownState(parameters) }, (epoch) => epoch)
    if (found !== state.best.epoch) throw unusable(path, 'does not hold the best parameters')
  }
  return {
    weights: shown(parameters),
    curve: state.curve,
    evaluations: state.evaluations,
    best: state.best,
    epochs: state.epoch,
    steps: state.step,
    paddedShare: paddedShare(batchesOf(lengths, options.buckets, null), lengths, options.buckets),
    ended: state.ended ?? 'epochs',
  }
}

/** What is measured and given back. */
const shown = ({ averages, weights }: Parameters): ReadonlyMap<string, Float32Array> => averages ?? weights
const shownState = ({ averages, state }: Parameters): Float32Array => (averages ? state.averages : state.w)

/** One 32-bit seed out of three numbers. */
function mixed(a: number, b: number, c: number): number {
  return fmix32(fmix32(fmix32(a | 0) ^ b) ^ c)
}
