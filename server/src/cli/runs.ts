import { Command } from 'commander'
import {
  bestOf,
  dataWords,
  isOver,
  type KeptEvent,
  type TrainingRun,
  type TrainingTrial,
} from '../domain/trainingRun.ts'
import type { Store } from '../store/store.ts'
import { findRun } from './findRun.ts'
import { hint } from './hint.ts'
import { configOf, HOME_OPTION, type HomeOptions, withExistingStore } from './home.ts'
import { settingWords, thin } from './liveRun.ts'
import { modelName, wholeNumber } from './options.ts'
import { duration } from './progress.ts'
import { count, counted, curve, moment, paint, percent, table } from './style.ts'
import type { Terminal } from './terminal.ts'

interface Options extends HomeOptions {
  readonly json?: boolean
}

/** `barometer runs`: what was trained, and how it went. */
export function runs(terminal: Terminal): Command {
  const command = new Command('runs').addHelpText('after', EXAMPLES)
  for (const sub of [list, show, cancel]) command.addCommand(sub(terminal))
  return command
}

const EXAMPLES = `
Examples:
  $ barometer runs list
  $ barometer runs show 01990f3a-…
  $ barometer runs cancel 01990f3a-…
  $ barometer train --resume 01990f3a-…`

interface ListOptions extends Options {
  readonly model?: string
  readonly limit: number
}

function list(terminal: Terminal): Command {
  return new Command('list')
    .description('List training runs, newest first')
    .option('--model <name>', 'only those of this model', modelName)
    .option('--limit <n>', 'so many at most', wholeNumber(1, 1000), 20)
    .option(...HOME_OPTION)
    .option('--json', 'as JSON')
    .action(async (options: ListOptions) => {
      await withRuns(terminal, options, async ({ trainingRuns }) => {
        const found = await trainingRuns.page(
          options.model === undefined ? {} : { model: options.model },
          options.limit,
          null,
        )
        if (options.json) return terminal.print(JSON.stringify(found))
        if (found.length === 0) return terminal.say(`Nothing was trained yet: ${hint(terminal, ['train', '--help'])}`)
        const rows = found.map((run) => [
          run.id,
          stated(run, terminal.colour),
          run.result === null ? run.asked.model : `${run.result.model}@${run.result.version}`,
          run.asked.recipe,
          headline(run),
          took(run, terminal.now()),
          moment(run.createdAt),
        ])
        terminal.print(
          table(['run', 'state', 'version', 'recipe', 'held-out', 'took>', 'asked for (UTC)'], rows, terminal.colour),
        )
      })
    })
}

function show(terminal: Terminal): Command {
  return new Command('show')
    .description('Show the curves, the trials and the end of a run')
    .argument('<run>', 'which: its id, or the beginning of it')
    .option(...HOME_OPTION)
    .option('--json', 'as JSON')
    .action(async (id: string, options: Options) => {
      await withRuns(terminal, options, async ({ trainingRuns }) => {
        const run = await findRun(trainingRuns, id)
        const events = await trainingRuns.events(run.id, 0, EVENTS_MAX)
        const trials = await trainingRuns.trials(run.id)
        terminal.print(
          options.json
            ? JSON.stringify({ run, trials, events })
            : described(run, trials, events, terminal.colour, terminal.now()),
        )
      })
    })
}

/** Far above what is kept of a run. */
const EVENTS_MAX = 100_000

function cancel(terminal: Terminal): Command {
  return new Command('cancel')
    .description('End a run: at once where it waits, within seconds where it is under way')
    .argument('<run>', 'which: its id, or the beginning of it')
    .option(...HOME_OPTION)
    .option('--json', 'as JSON')
    .action(async (id: string, options: Options) => {
      await withRuns(terminal, options, async ({ trainingRuns }) => {
        const run = await trainingRuns.cancel((await findRun(trainingRuns, id)).id, terminal.now())
        if (options.json) return terminal.print(JSON.stringify(run))
        terminal.print(run.state === 'running' ? `${run.id} ends within seconds.` : `${run.id} is cancelled.`)
      })
    })
}

async function withRuns(terminal: Terminal, options: Options, work: (store: Store) => Promise<void>): Promise<void> {
  await withExistingStore(configOf(terminal, options), work)
}

function stated({ state }: TrainingRun, colour: boolean): string {
  if (state === 'succeeded') return paint(colour, 'green', state)
  return state === 'failed' || state === 'interrupted' ? paint(colour, 'red', state) : state
}

function headline({ evaluated }: TrainingRun): string {
  if (evaluated === null) return '–'
  const { accuracy, loss } = evaluated.metrics
  const parts = [accuracy === undefined ? '' : percent(accuracy), loss === undefined ? '' : `loss ${loss.toFixed(4)}`]
  return parts.filter((part) => part !== '').join(', ') || '–'
}

function took({ startedAt, endedAt, state }: TrainingRun, now: number): string {
  if (startedAt === null) return '–'
  return duration(((isOver(state) ? endedAt : null) ?? now) - startedAt)
}

const BARS = 60

function described(
  run: TrainingRun,
  trials: readonly TrainingTrial[],
  events: readonly KeptEvent[],
  colour: boolean,
  now: number,
): string {
  const { asked, fault, result } = run
  const facts = [
    ['state', stated(run, colour)],
    ['recipe', asked.recipe + (asked.from === null ? '' : `, from ${asked.from}`)],
    ['settings', settingWords(asked.parameters) || 'the recipe’s own'],
    ['data', asked.data.map(dataWords).join(', ') || '–'],
    ['asked for', `${moment(run.createdAt)} by ${run.who}: ${asked.why}`],
    ['took', `${took(run, now)}${run.attempts > 1 ? `, ${counted(run.attempts, 'attempt')}` : ''}`],
    ...(result === null ? [] : [['version', `${result.model}@${result.version}`]]),
    ...(fault === null ? [] : [['failed', `${fault.say} (${fault.code})`]]),
  ]
  return [
    paint(colour, 'bold', run.id),
    ...facts.map(([name, value]) => `  ${paint(colour, 'gray', name.padEnd(10))}${value}`),
    ...curvesOf(events, colour),
    ...(trials.length === 0 ? [] : ['', trialTable(trials, colour)]),
  ].join('\n')
}

function curvesOf(events: readonly KeptEvent[], colour: boolean): readonly string[] {
  const points = events.flatMap(({ event }) => (event.kind === 'point' && event.trial === undefined ? [event] : []))
  const evaluated = events.flatMap(({ event }) =>
    event.kind === 'evaluated' && event.trial === undefined ? [event.metrics] : [],
  )
  const numbers = (values: readonly (number | undefined)[]) => values.filter((value) => value !== undefined)
  const rows: readonly (readonly [string, readonly number[], (value: number) => string])[] = [
    ['loss', points.map(({ loss }) => loss), (value) => value.toFixed(4)],
    ['held-out', numbers(evaluated.map((metrics) => metrics['loss'])), (value) => value.toFixed(4)],
    ['accuracy', numbers(evaluated.map((metrics) => metrics['accuracy'])), (value) => percent(value, 2)],
    ['rate', numbers(points.map(({ learningRate }) => learningRate)), (value) => value.toExponential(2)],
    ['gradient', numbers(points.map(({ gradientNorm }) => gradientNorm)), (value) => value.toPrecision(3)],
  ]
  return rows
    .filter(([, values]) => values.length > 1)
    .map(([name, values, write], i) => {
      const [first, last] = [write(values[0]), write(values[values.length - 1])]
      const line = `  ${paint(colour, 'gray', name.padEnd(10))}${first.padStart(9)} ${curve(thin(values, BARS), BARS)} ${last}`
      return i === 0 ? `\n${line}` : line
    })
}

function trialTable(trials: readonly TrainingTrial[], colour: boolean): string {
  const value = ({ values }: TrainingTrial) => (values.length === 0 ? Number.POSITIVE_INFINITY : bestOf(values))
  const complete = trials.filter(({ state }) => state === 'complete')
  const best = complete.length === 0 ? null : complete.reduce((a, b) => (value(b) < value(a) ? b : a))
  const pruned = trials.filter(({ state }) => state === 'pruned').length
  const rows = trials.map((trial) => [
    String(trial.number),
    trial === best ? paint(colour, 'green', 'best') : trial.state,
    trial.values.length === 0 ? '–' : value(trial).toFixed(4),
    String(trial.values.length),
    settingWords(trial.parameters),
  ])
  return [
    `${counted(trials.length, 'trial')}, ${count(pruned)} of them cut short`,
    table(['trial>', 'state', 'held-out>', 'epochs>', 'settings'], rows, colour),
  ].join('\n')
}
