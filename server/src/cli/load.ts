import { Command, InvalidArgumentError } from 'commander'
import { exits, UsageError } from './failure.ts'
import { LoadRefused, type LoadReport, runLoad } from './load/runLoad.ts'
import { sentences } from './load/sentences.ts'
import { modelName, wholeNumber } from './options.ts'
import { startProgress } from './progress.ts'
import { KEY_HELP, type RemoteOptions, remoteOf, URL_HELP } from './remote.ts'
import { count, percent } from './style.ts'
import type { Terminal } from './terminal.ts'
import { textsFromFile } from './textsFromFile.ts'

interface Options extends RemoteOptions {
  readonly file?: string
  readonly task?: string
  readonly connections: number
  readonly seconds: number
  readonly requests?: number
  readonly rate?: number
  readonly allowRemote?: boolean
  readonly json?: boolean
}

/** `barometer load`: how a server bears many requests. Always bounded. Its predictions are real and are logged. */
export function load(terminal: Terminal): Command {
  return new Command('load')
    .option('--url <address>', URL_HELP)
    .option('--key <key>', KEY_HELP)
    .option(
      '--file <path>',
      'texts to send: .txt .csv .tsv .jsonl .parquet, also .gz and .zst (default: sixteen of our own)',
    )
    .option('--task <name>', "the task to ask for (default: the server's)", modelName)
    .option('--connections <n>', 'so many at the same time', wholeNumber(1, 1024), 8)
    .option('--seconds <n>', 'for so long', seconds, 10)
    .option('--requests <n>', 'at most so many', wholeNumber(1, 100_000_000))
    .option('--rate <n>', 'so many a second, evenly (default: as many as are answered)', perSecond)
    .option('--allow-remote', 'also where the address is another machine')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options) => {
      const remote = remoteOf(terminal, options)
      const progress = startProgress(terminal, 'Loading')
      try {
        const report = await runLoad({
          url: remote.url,
          key: remote.key?.reveal() ?? null,
          texts: options.file === undefined ? sentences : await textsFromFile(options.file),
          task: options.task ?? null,
          connections: options.connections,
          seconds: options.seconds,
          rate: options.rate ?? null,
          ...(options.requests === undefined ? {} : { requestsMax: options.requests }),
          allowRemote: options.allowRemote === true,
          signal: terminal.stopSignal(),
          onProgress: (now) =>
            progress.update(now.elapsedSeconds / options.seconds, `${count(Math.round(now.ratePerSecond))} answers/s`),
        })
        progress.end()
        terminal.print(options.json ? JSON.stringify(report) : described(report))
        terminal.setExitCode(exitOf(report))
      } catch (error) {
        progress.end()
        throw error instanceof LoadRefused ? new UsageError(error.message, { cause: error }) : error
      }
    })
}

const EXAMPLES = `
Exit code 1 when a request failed or no answer came. Every text is scored and logged like any other.

Examples:
  $ barometer load
  $ barometer load --connections 64 --seconds 30 --file tickets.txt
  $ barometer load --rate 200 --seconds 60 --json`

function exitOf(report: LoadReport): number {
  if (report.aborted) return exits.interrupted
  return report.succeeded > 0 && report.succeeded === report.sent && report.malformed === 0 ? exits.ok : exits.failed
}

function described(report: LoadReport): string {
  const { latencyMs } = report
  const lines: readonly (readonly [string, string])[] = [
    [
      'answers',
      `${count(report.answered)} in ${report.seconds.toFixed(1)} s: ${count(Math.round(report.answeredPerSecond))} a second`,
    ],
    [
      'succeeded',
      `${count(report.succeeded)} of ${count(report.sent)} (${percent(report.sent === 0 ? null : report.succeeded / report.sent, 2)})`,
    ],
    [
      'latency',
      `p50 ${ms(latencyMs.p50)}, p95 ${ms(latencyMs.p95)}, p99 ${ms(latencyMs.p99)}, longest ${ms(latencyMs.max)}`,
    ],
    ['faults', tally(report.faults)],
    ['no answer', tally(report.errors)],
    ['malformed', report.malformed === 0 ? '' : count(report.malformed)],
    ['unsent', report.unsent === 0 ? '' : `${count(report.unsent)} were due while no connection was free`],
  ]
  return lines
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name.padEnd(11)}${value}`)
    .join('\n')
}

function ms(value: number | null): string {
  return value === null ? '–' : `${value.toFixed(2)} ms`
}

function tally(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, times]) => `${name}: ${count(times)}`)
    .join(', ')
}

function seconds(word: string): number {
  const n = Number(word)
  if (!(n >= 0.1 && n <= 3600)) throw new InvalidArgumentError('It must be from 0.1 to 3600 seconds.')
  return n
}

function perSecond(word: string): number {
  const n = Number(word)
  if (!(n >= 0.01 && n <= 1_000_000)) throw new InvalidArgumentError('It must be from 0.01 to 1,000,000 a second.')
  return n
}
