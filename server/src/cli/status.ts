import type { HealthAnswer, ModelsAnswer, StatsAnswer } from '@barometer/wire'
import { Command, Option } from 'commander'
import { exits } from './failure.ts'
import { span } from './options.ts'
import { duration } from './progress.ts'
import { ask, askJson, KEY_HELP, type Remote, RemoteFault, type RemoteOptions, remoteOf, URL_HELP } from './remote.ts'
import { type Colour, count, paint, percent } from './style.ts'
import type { Terminal } from './terminal.ts'

type Level = 'Healthy' | 'Warning' | 'Critical'

/** A figure with its verdict; without a level it is only told. */
interface Line {
  readonly name: string
  readonly value: string
  /** The same for programs: a share, milliseconds, or a count. */
  readonly figure: number | null
  readonly level: Level | null
}

export interface Snapshot {
  readonly address: string
  readonly level: Level
  readonly lines: readonly Line[]
}

interface Options extends RemoteOptions {
  readonly since: number
  readonly json?: boolean
}

/** `barometer status`: a running server at a glance. The exit code is that of the worst line. */
export function status(terminal: Terminal): Command {
  return new Command('status')
    .option('--url <address>', URL_HELP)
    .option('--key <key>', KEY_HELP)
    .addOption(
      new Option('--since <time>', 'look back so long: 24h, 30m, 7d').argParser(span).default(86_400_000, '24h'),
    )
    .option('--json', 'as JSON')
    .addHelpText('after', MANUAL)
    .action(async (options: Options) => {
      const remote = remoteOf(terminal, options)
      const seen = snapshot(remote.url, await look(remote, terminal.now() - options.since))
      terminal.print(options.json ? JSON.stringify(seen) : drawn(seen, terminal.colour))
      terminal.setExitCode(exitOf[seen.level])
    })
}

const MANUAL = `
                  Healthy      Warning         Critical
  API             healthy      degraded        no answer
  confidence      over 80 %    60 – 80 %       under 60 %
  latency p95     under 100    100 – 500       over 500 ms
  error rate      0            under 1 %       from 1 %

Exit codes: 0 healthy, 3 warning, 4 critical, 1 when no server answers.

Examples:
  $ barometer status
  $ barometer status --url https://mood.example.org --key bk_… --since 1h --json`

const exitOf: Readonly<Record<Level, number>> = { Healthy: exits.ok, Warning: exits.warning, Critical: exits.critical }

/** What was asked of the server; null where the key does not allow to see it. */
export interface Seen {
  readonly health: HealthAnswer
  readonly models: ModelsAnswer | null
  readonly stats: StatsAnswer | null
  readonly errors: { readonly requests: number; readonly failed: number } | null
}

async function look(remote: Remote, since: number): Promise<Seen> {
  const [health, models, stats, metrics] = await Promise.all([
    askJson<HealthAnswer>(remote, '/health', { accept: [503] }),
    orNull(askJson<ModelsAnswer>(remote, '/models')),
    orNull(askJson<StatsAnswer>(remote, `/stats?since=${encodeURIComponent(new Date(since).toISOString())}`)),
    orNull(ask(remote, '/metrics')),
  ])
  return { health, models, stats, errors: metrics === null ? null : errorsIn(metrics) }
}

/** A key without the scope still gets to see the rest. */
async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof RemoteFault && (error.status === 401 || error.status === 403)) return null
    throw error
  }
}

/** Requests and failures since the server's start, out of the Prometheus text. */
export function errorsIn(metrics: string): { requests: number; failed: number } {
  const sum = (name: string) =>
    [...metrics.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? ([0-9.e+]+)$`, 'gm'))].reduce(
      (total, [, value]) => total + Number(value),
      0,
    )
  return { requests: sum('ml_requests_total'), failed: sum('ml_errors_total') }
}

const NEEDS_READ = 'needs a key with the scope read'

/** The figures with their verdicts; what has no rows yet has no verdict. */
export function snapshot(address: string, { health, models, stats, errors }: Seen): Snapshot {
  const total = stats?.total ?? null
  const confidence = total?.confidence ?? null
  const p95 = total?.latency_ms.p95 ?? null
  const rate = errors === null || errors.requests === 0 ? null : errors.failed / errors.requests
  const hidden = (text: string) => (stats === null ? NEEDS_READ : text)
  const lines = [
    told('API', healthWords(health), null, health.status === 'healthy' ? 'Healthy' : 'Warning'),
    ...health.checks
      .filter((check) => !check.ok)
      .map((check) => told(`  ${check.name}`, check.detail ?? 'failed', null, 'Warning')),
    told('model', models === null ? hidden('–') : serving(models)),
    told('predictions', hidden(count(total?.predictions ?? 0)), total?.predictions ?? null),
    told('labels', hidden(shares(total?.label_shares ?? {}))),
    told(
      'confidence',
      hidden(percent(confidence)),
      confidence,
      confidence === null ? null : confidenceLevel(confidence),
    ),
    told('latency p95', hidden(milliseconds(p95)), p95, p95 === null ? null : latencyLevel(p95)),
    told(
      'error rate',
      errors === null ? NEEDS_READ : errorWords(errors),
      rate,
      rate === null ? null : errorLevel(rate),
    ),
  ]
  return { address, level: worst(lines), lines }
}

/** Mean confidence of the predictions looked at. */
export function confidenceLevel(share: number): Level {
  return share > 0.8 ? 'Healthy' : share >= 0.6 ? 'Warning' : 'Critical'
}

export function latencyLevel(p95Ms: number): Level {
  return p95Ms < 100 ? 'Healthy' : p95Ms <= 500 ? 'Warning' : 'Critical'
}

/** Share of requests that the server itself failed (5xx). */
export function errorLevel(share: number): Level {
  return share === 0 ? 'Healthy' : share < 0.01 ? 'Warning' : 'Critical'
}

function worst(lines: readonly Line[]): Level {
  for (const level of ['Critical', 'Warning'] as const) if (lines.some((line) => line.level === level)) return level
  return 'Healthy'
}

function told(name: string, value: string, figure: number | null = null, level: Level | null = null): Line {
  return { name, value, figure, level }
}

function healthWords(health: HealthAnswer): string {
  return `${health.status}, Barometer ${health.version}, up ${duration(health.uptime_seconds * 1000)}`
}

function milliseconds(ms: number | null): string {
  return ms === null ? '–' : `${ms.toFixed(2)} ms`
}

function serving({ models }: ModelsAnswer): string {
  const names = models
    .filter((one) => one.production !== null)
    .map((one) => `${one.model}@${one.production} (${one.task})`)
  return names.length === 0 ? 'none in production' : names.join(', ')
}

function shares(labels: Readonly<Record<string, number>>): string {
  const parts = Object.entries(labels).sort(([, a], [, b]) => b - a)
  return parts.length === 0 ? '–' : parts.map(([label, share]) => `${label} ${percent(share, 0)}`).join(', ')
}

function errorWords({ requests, failed }: { requests: number; failed: number }): string {
  return requests === 0 ? '–' : `${percent(failed / requests, 2)} (${count(failed)} of ${count(requests)} requests)`
}

const looks: Readonly<Record<Level, { colour: Colour; mark: string }>> = {
  Healthy: { colour: 'green', mark: '●' },
  Warning: { colour: 'yellow', mark: '▲' },
  Critical: { colour: 'red', mark: '■' },
}

function drawn({ address, level, lines }: Snapshot, colour: boolean): string {
  const verdict = (of: Level) => paint(colour, looks[of].colour, `${looks[of].mark} ${of}`)
  const width = Math.max(...lines.map((line) => line.value.length))
  const rows = lines.map((line) =>
    `  ${line.name.padEnd(14)}${line.level === null ? line.value : `${line.value.padEnd(width)}  ${verdict(line.level)}`}`.trimEnd(),
  )
  return [`${paint(colour, 'bold', address)}  ${verdict(level)}`, ...rows].join('\n')
}
