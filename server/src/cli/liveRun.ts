/** A training run as it happens: curves that are drawn over for a person, a line now and then for a log. */
import type { TrainingEvaluated, TrainingEvent, TrainingPoint, TrainingTrial } from '../domain/trainingRun.ts'
import { duration, startProgress } from './progress.ts'
import { count, curve, fitted, paint, percent } from './style.ts'
import type { Terminal } from './terminal.ts'

export interface LiveRun {
  event(event: TrainingEvent): void
  /** Something that is under way and has no curve: reading a file, counting words. */
  progress(share: number | null, words: string): void
  /** Removes what was drawn over. */
  end(): void
}

const DRAW_EVERY_MS = 100
const TELL_EVERY_MS = 5000
const BARS = 32
const LABEL_CHARS = 10

export function startLiveRun(terminal: Terminal, label: string): LiveRun {
  const began = terminal.now()
  const seen = emptySeen()
  let last = terminal.draws ? Number.NEGATIVE_INFINITY : began
  let lines = 0
  let bar = startProgress(terminal, label)

  function clear(): void {
    if (lines > 0) terminal.draw(`\r${'\u001b[2K\u001b[1A'.repeat(lines)}\u001b[2K`, '')
    lines = 0
  }

  function show(): void {
    const now = terminal.now()
    if (seen.point === null || now - last < (terminal.draws ? DRAW_EVERY_MS : TELL_EVERY_MS)) return
    last = now
    if (!terminal.draws) return terminal.say(lineOf(label, seen))
    bar.end()
    clear()
    const drawn = chartOf(label, seen, now - began, terminal.colour).map((line) => fitted(line, terminal.columns))
    terminal.draw('', `${drawn.join('\n')}\n`)
    lines = drawn.length
  }

  return {
    event(event) {
      take(seen, event)
      if (event.kind === 'note') {
        bar.end()
        clear()
        terminal.say(event.words)
      }
      if (event.kind === 'trial' && event.state !== 'running') {
        clear()
        terminal.say(trialLine(event, seen.bestTrial, terminal.colour))
      }
      if (event.kind === 'phase' && seen.point === null) bar.update(null, event.name)
      else show()
    },
    progress(share, words) {
      if (seen.point === null || seen.phase !== 'fitting') bar.update(share, words === '' ? seen.phase : words)
    },
    end() {
      bar.end()
      clear()
      bar = startProgress(terminal, label)
    },
  }
}

interface Seen {
  phase: string
  point: TrainingPoint | null
  evaluated: TrainingEvaluated | null
  readonly losses: number[]
  readonly rates: number[]
  readonly norms: number[]
  readonly heldOut: number[]
  readonly accuracies: number[]
  trial: number | null
  bestTrial: number
}

function emptySeen(): Seen {
  return {
    phase: '',
    point: null,
    evaluated: null,
    losses: [],
    rates: [],
    norms: [],
    heldOut: [],
    accuracies: [],
    trial: null,
    bestTrial: Number.POSITIVE_INFINITY,
  }
}

function take(seen: Seen, event: TrainingEvent): void {
  switch (event.kind) {
    case 'phase':
      seen.phase = event.name
      return
    case 'note':
      return
    case 'point':
      if ((event.trial ?? null) !== seen.trial) startTrial(seen, event.trial ?? null)
      seen.point = event
      seen.losses.push(event.loss)
      if (event.learningRate !== undefined) seen.rates.push(event.learningRate)
      if (event.gradientNorm !== undefined) seen.norms.push(event.gradientNorm)
      return
    case 'evaluated':
      seen.evaluated = event
      if (event.metrics['loss'] !== undefined) seen.heldOut.push(event.metrics['loss'])
      if (event.metrics['accuracy'] !== undefined) seen.accuracies.push(event.metrics['accuracy'])
      return
    case 'trial':
      if (event.state === 'complete') seen.bestTrial = Math.min(seen.bestTrial, ...event.values)
      return
    default:
      event satisfies never
  }
}

/** A trial has a curve of its own. */
function startTrial(seen: Seen, trial: number | null): void {
  seen.trial = trial
  seen.evaluated = null
  for (const values of [seen.losses, seen.rates, seen.norms, seen.heldOut, seen.accuracies]) values.length = 0
}

function chartOf(label: string, seen: Seen, elapsedMs: number, colour: boolean): string[] {
  const { point, evaluated, losses, heldOut, accuracies, rates, norms, trial } = seen
  if (point === null) return []
  const row = (name: string, value: string, values: readonly number[]) =>
    `  ${paint(colour, 'gray', name.padEnd(LABEL_CHARS))}${value.padStart(10)}  ${curve(thin(values, BARS), BARS)}`
  const { loss, accuracy } = evaluated?.metrics ?? {}
  const rate = point.learningRate
  const norm = point.gradientNorm
  const eta = point.etaSeconds === null ? '' : `, ${duration(point.etaSeconds * 1000)} left`
  return [
    paint(colour, 'bold', `${label}${trial === null ? '' : `, trial ${trial}`}`) +
      `  epoch ${figure(point.epoch)}, step ${count(point.step)}, ${count(Math.round(point.rowsPerSecond))} rows/s, ${duration(elapsedMs)}${eta}`,
    row('loss', point.loss.toFixed(4), losses),
    ...(loss === undefined ? [] : [row('held-out', loss.toFixed(4), heldOut)]),
    ...(accuracy === undefined ? [] : [row('accuracy', percent(accuracy, 2), accuracies)]),
    ...(rate === undefined ? [] : [row('rate', rate.toExponential(2), rates)]),
    ...(norm === undefined ? [] : [row('gradient', norm.toPrecision(3), norms)]),
  ]
}

function lineOf(label: string, { point, evaluated, trial }: Seen): string {
  if (point === null) return label
  const { loss, accuracy } = evaluated?.metrics ?? {}
  return [
    `${label}${trial === null ? '' : ` trial ${trial}`}`,
    `epoch ${figure(point.epoch)}`,
    `step ${point.step}`,
    `loss ${point.loss.toFixed(4)}`,
    ...(loss === undefined ? [] : [`held-out ${loss.toFixed(4)}`]),
    ...(accuracy === undefined ? [] : [`accuracy ${percent(accuracy, 2)}`]),
    ...(point.learningRate === undefined ? [] : [`rate ${point.learningRate.toExponential(2)}`]),
    ...(point.gradientNorm === undefined ? [] : [`gradient ${point.gradientNorm.toPrecision(3)}`]),
    `${count(Math.round(point.rowsPerSecond))} rows/s`,
    ...(point.etaSeconds === null ? [] : [`${duration(point.etaSeconds * 1000)} left`]),
  ].join('  ')
}

function trialLine({ number, state, parameters, values }: TrainingTrial, best: number, colour: boolean): string {
  const value = values.length === 0 ? '' : `${Math.min(...values).toFixed(4)} after ${values.length}`
  const isBest = state === 'complete' && Math.min(...values) <= best
  const line = `trial ${number}  ${state.padEnd(8)}  ${value.padEnd(18)}  ${settingWords(parameters)}`
  return isBest ? paint(colour, 'green', `${line}  ← best`) : line
}

export function settingWords(parameters: TrainingTrial['parameters']): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? figure(value) : String(value)}`)
    .join(', ')
}

/** Three digits that mean something. */
function figure(value: number): string {
  if (Number.isInteger(value)) return String(value)
  return Math.abs(value) >= 0.001 && Math.abs(value) < 10_000
    ? String(Number(value.toPrecision(3)))
    : value.toExponential(2)
}

/** So many values at most, each the mean of its stretch: the whole curve, whatever its length. */
export function thin(values: readonly number[], most: number): readonly number[] {
  if (values.length <= most) return values
  return Array.from({ length: most }, (_, i) => {
    const part = values.slice(Math.floor((i * values.length) / most), Math.floor(((i + 1) * values.length) / most))
    return part.reduce((sum, value) => sum + value, 0) / part.length
  })
}
